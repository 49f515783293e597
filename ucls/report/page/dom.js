/* Elements. Texts come from files and people: they are only ever set as text. */

/** Makes an element: h("p", { class: "quiet", onclick: f }, "text", otherElement). */
function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else if (value !== undefined && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

const dark = () => document.documentElement.dataset.theme === "dark";

/** Golden-angle hues: neighbours in number are far apart in colour. */
function colour(cluster, alpha = 1) {
  if (cluster === WRONG) return `rgb(128 128 128 / ${alpha})`;
  const hue = (cluster * 137.508 + 20) % 360;
  const light = (dark() ? 0.72 : 0.55) + 0.08 * ((cluster % 3) - 1);
  return `oklch(${light} 0.15 ${hue} / ${alpha})`;
}

function swatch(cluster) {
  return h("span", { class: "swatch", style: { background: colour(cluster) }, "aria-hidden": "true" });
}

const short = (text, most = 60) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
const percent = (share) => `${Math.round(100 * share)}%`;
const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

const focusable = (element) => [...element.querySelectorAll("button, input, select, a[href]")];

/** Renders anew, and leaves the keyboard where it was: within a part, at the same control. */
function keepFocus(container, parts, render) {
  const part = container.contains(document.activeElement) ? document.activeElement.closest(parts) : null;
  const place = part ? focusable(part).indexOf(document.activeElement) : -1;
  render();
  if (!part?.isConnected || part.contains(document.activeElement)) return;
  (focusable(part)[place] ?? part).focus({ preventScroll: true });
}

/** A link to a cluster's card; a mark where it is no more. */
function clusterLink(cluster) {
  const isThere = state.sizes.get(cluster) > 0;
  const text = short(nameOf(cluster), 40);
  if (!isThere) return h("s", {}, text);
  return h("button", { class: "link", onclick: () => goTo(cluster) }, h("bdi", {}, text));
}

/** A list of the clusters to choose one from. */
function clusterChoice(label, onChoose, { without = [], withNew = false } = {}) {
  const options = clusterNumbers()
    .filter((cluster) => !without.includes(cluster))
    .map((cluster) => h("option", { value: cluster }, short(`${nameOf(cluster)}${state.names.has(cluster) ? ` (${cluster})` : ""}`, 50)));
  const select = h("select", { "aria-label": label }, h("option", { value: "" }, label), options,
    withNew ? h("option", { value: "new" }, "a new cluster") : null);
  select.addEventListener("change", () => {
    if (select.value !== "") onChoose(select.value === "new" ? newNumber() : Number(select.value));
    select.value = "";
  });
  return select;
}

let telling = 0;

function tell(message, isError = false) {
  const element = document.getElementById("state");
  element.textContent = message;
  element.classList.toggle("chip", isError);
  element.classList.toggle("warn", isError);
  clearTimeout(telling);
  if (!isError) telling = setTimeout(showProgress, 4000);
}

function showProgress() {
  const clusters = clusterNumbers();
  const done = clusters.filter((cluster) => state.done.has(cluster)).length;
  const element = document.getElementById("state");
  element.classList.remove("chip", "warn");
  element.textContent = `${count(log.length, "edit")}, ${done} of ${count(clusters.length, "cluster")} done`;
}
