/* Pictures to look at, to choose and to enlarge. */

const chosen = new Set();

/** A picture, or its name and confidence where there is none. */
function picture(image, properties = {}) {
  const source = pictureOf(image) ?? serverPicture(image);
  if (source === null) return blank(image);
  const element = h("img", { src: source, alt: "", loading: "lazy", decoding: "async", ...properties });
  element.addEventListener("load", () => element.classList.toggle("tiny", element.naturalWidth <= 64));
  element.addEventListener("error", () => element.replaceWith(blank(image)));
  return element;
}

function blank(image) {
  return h("span", { class: "blank" }, h("b", {}, IMAGES.confidence[image].toFixed(2)), short(IMAGES.path[image], 40));
}

function serverPicture(image) {
  return DATA.server && !DATA.no_pictures ? `thumbnail/${IMAGES.row[image]}` : null;
}

/** A picture that opens, beside a box that selects it. `among` are those to step through. */
function tile(image, among = [image], mark = null) {
  const path = IMAGES.path[image];
  const box = h("input", {
    type: "checkbox", "aria-label": `select ${short(path)}`, checked: chosen.has(image),
    onchange: () => choose([image], box.checked),
  });
  const element = h("div", { class: "tile", "data-image": image },
    h("button", {
      class: "open", title: short(path, 200), "aria-label": `${short(path)}, confidence ${IMAGES.confidence[image].toFixed(2)}`,
      onclick: () => view(image, among),
      onkeydown: (event) => { if (event.key === "x") choose([image], !chosen.has(image)); },
    }, picture(image)), box, mark === null ? null : h("span", { class: "mark" }, mark));
  element.classList.toggle("chosen", chosen.has(image));
  return element;
}

function tiles(images, marks = []) {
  return h("div", { class: "tiles" }, images.map((image, place) => tile(image, images, marks[place] ?? null)));
}

function choose(images, isChosen) {
  for (const image of images) {
    if (isChosen) chosen.add(image);
    else chosen.delete(image);
    for (const element of document.querySelectorAll(`.tile[data-image="${image}"]`)) {
      element.classList.toggle("chosen", isChosen);
      element.querySelector("input").checked = isChosen;
    }
  }
  showSelection();
  drawMap();
}

function showSelection() {
  const bar = document.getElementById("selection");
  bar.hidden = chosen.size === 0;
  document.body.classList.toggle("choosing", chosen.size > 0);
  const put = (into) => {
    edit({ do: "move", images: [...chosen].map(imageId), into });
    choose([...chosen], false);
  };
  bar.replaceChildren(
    h("b", {}, `${count(chosen.size, "image")} selected`),
    clusterChoice("Move to…", put, { withNew: true }),
    h("button", { onclick: () => { edit({ do: "wrong", images: [...chosen].map(imageId) }); choose([...chosen], false); } }, "Mark as wrong"),
    h("button", { onclick: () => choose([...chosen], false) }, "Clear"),
  );
}

/** Enlarges an image. */
function view(image, among) {
  const viewer = document.getElementById("viewer");
  keepFocus(viewer, "dialog", () => fillViewer(viewer, image, among));
  if (!viewer.open) viewer.showModal();
}

function fillViewer(viewer, image, among) {
  const cluster = clusterOf(image);
  const place = among.indexOf(image);
  const step = (by) => view(among[(place + by + among.length) % among.length], among);
  const isUsual = DATA.near.length > 0 && SHOWN_AT[image] >= 0;
  const near = isUsual ? DATA.near[SHOWN_AT[image]].map((other) => DATA.shown[other]) : [];
  const big = picture(image, { class: "big" });
  const whole = `image/${IMAGES.row[image]}`;
  const isServed = DATA.server && big.tagName === "IMG";
  if (isServed) big.src = whole;
  viewer.replaceChildren(
    h("div", { class: "row" },
      h("button", { onclick: () => step(-1), disabled: among.length < 2 }, "← Previous"),
      h("button", { onclick: () => step(1), disabled: among.length < 2 }, "Next →"),
      h("span", { class: "quiet" }, `${place + 1} of ${among.length}`),
      h("button", { onclick: () => viewer.close(), style: { marginLeft: "auto" } }, "Close")),
    h("div", { class: "viewer" },
      h("div", {}, isServed ? h("a", { href: whole, target: "_blank", title: "open alone" }, big) : big),
      h("div", {},
        h("dl", {},
          h("dt", {}, "Path"), h("dd", {}, h("bdi", {}, IMAGES.path[image])),
          h("dt", {}, "Cluster"), h("dd", {}, swatch(cluster), " ", clusterLink(cluster)),
          h("dt", {}, "Confidence"), h("dd", {}, `${IMAGES.confidence[image].toFixed(2)} of the heads`),
          h("dt", {}, "Probability"), h("dd", {}, `${IMAGES.probability[image].toFixed(2)} by the classifier`),
          h("dt", {}, "Split"), h("dd", {}, DATA.splits[IMAGES.split[image]])),
        h("div", { class: "row" },
          clusterChoice("Move to…", (into) => { edit({ do: "move", images: [imageId(image)], into }); view(image, among); }, { without: [cluster], withNew: true }),
          h("button", { onclick: () => { edit({ do: "wrong", images: [imageId(image)] }); view(image, among); } }, "Mark as wrong")))),
    near.length ? h("h3", {}, "Most similar on this page") : "",
    near.length ? tiles(near) : "",
  );
  viewer.onkeydown = (event) => {
    if (event.target.tagName === "SELECT") return;
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  };
}
