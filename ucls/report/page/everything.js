/* All images of a cluster, however many: only those in sight are there. */

const GAP = 6;
let everything = null;

function showAll(cluster) {
  const viewer = document.getElementById("all");
  const images = [];
  for (let image = 0; image < N_KNOWN; image++) if (clusterOf(image) === cluster) images.push(image);
  images.sort((a, b) => IMAGES.confidence[a] - IMAGES.confidence[b] || IMAGES.probability[a] - IMAGES.probability[b]);
  const inner = h("div", {});
  const frame = h("div", { class: "all", tabindex: "0", "aria-label": "all images of the cluster" }, inner);
  const draw = () => drawVisible(frame, inner, images);
  frame.addEventListener("scroll", () => requestAnimationFrame(draw));
  viewer.replaceChildren(
    h("div", { class: "row" }, swatch(cluster), h("b", {}, h("bdi", {}, short(nameOf(cluster)))),
      h("span", { class: "quiet" }, `${count(images.length, "image")}, the least sure first`),
      h("button", { onclick: () => choose(images, true) }, "Select all"),
      h("button", { onclick: () => viewer.close(), style: { marginLeft: "auto" } }, "Close")),
    frame);
  if (!viewer.open) viewer.show();
  viewer.onkeydown = (event) => { if (event.key === "Escape") viewer.close(); };
  everything = cluster;
  frame.focus();
  draw();
}

/** Shows them anew after an edit. */
function refreshAll() {
  if (document.getElementById("all").open) showAll(everything);
}

function drawVisible(frame, inner, images) {
  const side = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--side")) + GAP;
  const perRow = Math.max(1, Math.floor((frame.clientWidth - GAP) / side));
  inner.style.height = `${Math.ceil(images.length / perRow) * side}px`;
  const first = Math.max(0, Math.floor(frame.scrollTop / side) - 2) * perRow;
  const last = Math.min(images.length, (Math.ceil((frame.scrollTop + frame.clientHeight) / side) + 2) * perRow);
  const there = new Map([...inner.children].map((element) => [Number(element.dataset.place), element]));
  const wanted = [];
  for (let place = first; place < last; place++) {
    const element = there.get(place) ?? tile(images[place], images);
    element.dataset.place = place;
    Object.assign(element.style, { left: `${GAP + (place % perRow) * side}px`, top: `${Math.floor(place / perRow) * side}px` });
    wanted.push(element);
  }
  inner.replaceChildren(...wanted);
}
