/* A card for each cluster: its pictures, its name, and what can be done with it. */

const PER_ROW = 10;
const MOST_TILES = 400;
const cards = new Map();
const filter = { text: "", order: "size", open: false };

/** A number that looks random but is the same every time. */
const scramble = (image) => Math.imul(image ^ 0x9e3779b9, 0x85ebca6b) >>> 0;

/** The images with a picture here, by cluster, the most typical first. */
function shownByCluster() {
  const groups = new Map();
  for (const image of DATA.shown) {
    const cluster = clusterOf(image);
    if (!groups.has(cluster)) groups.set(cluster, []);
    groups.get(cluster).push(image);
  }
  const sure = (image) => IMAGES.confidence[image] + IMAGES.probability[image];
  for (const images of groups.values()) images.sort((a, b) => sure(b) - sure(a) || a - b);
  return groups;
}

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    watcher.unobserve(entry.target);
    cards.get(Number(entry.target.dataset.cluster))?.show();
  }
}, { rootMargin: "600px" });

class Card {
  constructor(cluster) {
    this.cluster = cluster;
    this.isVisible = false;
    this.isWhole = false;
    this.element = h("article", { class: "card", id: `cluster-${cluster}`, "data-cluster": cluster, tabindex: "-1" });
    watcher.observe(this.element);
  }

  update(images, largest) {
    const { cluster, element } = this;
    const size = state.sizes.get(cluster);
    const facts = JSON.stringify([size, largest, nameOf(cluster), state.done.has(cluster), images, this.isVisible, this.isWhole]);
    if (facts === this.facts) return;
    this.facts = facts;
    this.images = images;
    this.largest = largest;
    element.classList.toggle("done", state.done.has(cluster));
    element.setAttribute("aria-label", short(nameOf(cluster), 80));
    element.replaceChildren(this.head(size, largest), this.isVisible ? this.body() : "");
  }

  show() {
    this.isVisible = true;
    this.update(this.images, this.largest);
  }

  head(size, largest) {
    const { cluster } = this;
    const name = h("input", {
      type: "text", class: "name", value: state.names.get(cluster) ?? "", placeholder: `Cluster ${cluster}`,
      "aria-label": `name of cluster ${cluster}`, maxlength: 4000, dir: "auto",
      onchange: () => edit({ do: "rename", cluster, name: toUtf8(name.value) }),
    });
    const done = h("input", {
      type: "checkbox", checked: state.done.has(cluster),
      onchange: () => edit({ do: "done", cluster, done: done.checked }),
    });
    const facts = DATA.clusters[cluster];
    const part = DATA.tree ? smallerHalf(state, cluster) : [];
    return h("header", {},
      swatch(cluster), name,
      h("span", { class: "quiet" }, `#${cluster} · ${count(size, "image")}`),
      h("span", { class: "bar", title: "size beside the largest" },
        h("span", { style: { width: `${(100 * size) / largest}%`, background: colour(cluster) } })),
      facts && isAsReported(cluster) ? h("span", { class: "chip" }, `confidence ${facts.confidence.toFixed(2)}`) : null,
      hints(cluster).map((hint) => h("span", { class: "chip warn" }, hint)),
      clusterChoice("Merge into…", (into) => { edit({ do: "merge", clusters: [cluster], into }); goTo(into); }, { without: [cluster] }),
      DATA.tree ? h("button", {
        disabled: part.length === 0, title: part.length ? "by the merge tree" : "the merge tree tells no parts apart",
        onclick: () => edit({ do: "split", cluster, into: newNumber(), leaves: part }),
      }, "Split") : null,
      h("label", { class: "row" }, done, "done"));
  }

  body() {
    const { images } = this;
    if (this.isWhole) {
      const few = images.slice(0, MOST_TILES);
      return h("div", {}, h("p", { class: "quiet" }, few.length < images.length ? `the ${few.length} most typical of ${images.length}` : ""),
        tiles(few), this.more());
    }
    const typical = images.slice(0, PER_ROW);
    const unsure = images.slice(PER_ROW).slice(-PER_ROW).reverse();
    const others = images.slice(PER_ROW, Math.max(PER_ROW, images.length - PER_ROW));
    const random = others.sort((a, b) => scramble(a) - scramble(b)).slice(0, PER_ROW);
    const rows = [["most typical", typical], ["least sure", unsure], ["random", random]];
    return h("div", {}, h("div", { class: "sheet" }, rows.filter(([, own]) => own.length).flatMap(([label, own]) => [
      h("span", { class: "quiet" }, label), tiles(own)])), this.more());
  }

  more() {
    const { images } = this;
    if (DATA.server && DATA.is_complete) return h("p", {}, h("button", { class: "link", onclick: () => showAll(this.cluster) }, "see all of them"));
    if (images.length <= 3 * PER_ROW) return "";
    return h("p", {}, h("button", {
      class: "link", onclick: () => { this.isWhole = !this.isWhole; this.update(images, this.largest); },
    }, this.isWhole ? "show fewer" : `show all ${images.length} on this page`),
    " · ", h("button", { class: "link", onclick: () => choose(images, true) }, "select them"));
  }
}

function toUtf8(text) {
  return text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
}

const REPORTED = replay(DATA.corrections).sizes;

/** Whether a cluster has the images still that the report speaks of. */
const isAsReported = (cluster) => state.sizes.get(cluster) === REPORTED.get(cluster);

/** What the report noticed of a cluster when it was made. */
function hints(cluster) {
  const { mixed, like_one: pairs, like_two: two } = DATA.suggestions;
  const found = [];
  if (!isAsReported(cluster)) return found;
  if (mixed.includes(cluster)) found.push("heads disagree");
  if (two.includes(cluster)) found.push("may be two");
  for (const [first, second] of pairs.filter((pair) => pair.every(isAsReported))) {
    if (first === cluster || second === cluster) found.push(`like ${short(nameOf(first === cluster ? second : first), 24)}?`);
  }
  return found;
}

const ORDERS = {
  size: ["largest first", (a, b) => state.sizes.get(b) - state.sizes.get(a)],
  unsure: ["least sure first", (a, b) => (DATA.clusters[a]?.confidence ?? 1) - (DATA.clusters[b]?.confidence ?? 1)],
  name: ["by name", (a, b) => nameOf(a).localeCompare(nameOf(b), undefined, { numeric: true })],
  number: ["by number", (a, b) => a - b],
};

function showClusters() {
  keepFocus(document.getElementById("cards"), ".card", placeCards);
}

function placeCards() {
  const groups = shownByCluster();
  const numbers = clusterNumbers();
  const largest = state.sizes.get(numbers[0]) ?? 1;
  const text = filter.text.toLowerCase();
  const wanted = numbers
    .filter((cluster) => !text || nameOf(cluster).toLowerCase().includes(text) || String(cluster) === text)
    .filter((cluster) => !filter.open || !state.done.has(cluster))
    .sort(ORDERS[filter.order][1]);
  keepOrder(wanted);
  const elements = wanted.map((cluster) => {
    if (!cards.has(cluster)) cards.set(cluster, new Card(cluster));
    const card = cards.get(cluster);
    card.update(groups.get(cluster) ?? [], largest);
    return card.element;
  });
  const list = document.getElementById("cards");
  const isSame = elements.length === list.children.length && elements.every((element, place) => element === list.children[place]);
  if (!isSame) list.replaceChildren(...(elements.length ? elements : [h("p", {}, "No cluster is like that.")]));
  document.getElementById("sizes").replaceChildren(numbers.length ? sizeChart(numbers) : "");
  const wrong = groups.get(WRONG) ?? [];
  document.getElementById("wrong").replaceChildren(
    wrong.length ? h("h3", {}, `In no cluster: ${wrong.length}`) : "", wrong.length ? tiles(wrong.slice(0, MOST_TILES)) : "");
}

function clusterSection() {
  const search = h("input", { type: "search", placeholder: "name or number", "aria-label": "find clusters",
    oninput: () => { filter.text = search.value; reorder(); } });
  const order = h("select", { "aria-label": "order of the clusters", onchange: () => { filter.order = order.value; reorder(); } },
    Object.entries(ORDERS).map(([key, [label]]) => h("option", { value: key }, label)));
  const open = h("input", { type: "checkbox", onchange: () => { filter.open = open.checked; reorder(); } });
  return section("clusters", "Clusters",
    h("div", { class: "row filter" }, search, order, h("label", { class: "row" }, open, "not done yet")),
    h("details", {}, h("summary", {}, "Sizes; the paler a bar, the less sure the cluster"), h("div", { id: "sizes" })),
    h("div", { id: "cards" }), h("div", { id: "wrong" }));
}

let shownOrder = [];

/** Cards stay where they are while clusters change under them; a part comes behind its whole. */
function keepOrder(wanted) {
  const last = log.at(-1);
  const isNew = (cluster) => !shownOrder.includes(cluster);
  const order = shownOrder.filter((cluster) => wanted.includes(cluster));
  for (const cluster of wanted.filter(isNew)) {
    const place = last?.do === "split" ? order.indexOf(last.cluster) + 1 : 0;
    if (shownOrder.length) order.splice(place, 0, cluster);
    else order.push(cluster);
  }
  wanted.splice(0, wanted.length, ...order);
  shownOrder = order;
}

/** Shows the clusters in the order that was chosen, from now on. */
function reorder() {
  shownOrder = [];
  showClusters();
}

function goTo(cluster) {
  document.getElementById("viewer").close();
  if (cluster === WRONG) document.getElementById("wrong").scrollIntoView({ block: "start" });
  if (!cards.get(cluster)?.element.isConnected) {
    Object.assign(filter, { text: "", open: false });
    document.querySelector("#clusters input[type=search]").value = "";
    document.querySelector("#clusters .filter input[type=checkbox]").checked = false;
    reorder();
  }
  const card = cards.get(cluster)?.element;
  if (!card?.isConnected) return;
  card.scrollIntoView({ block: "start" });
  card.focus({ preventScroll: true });
}
