/* The map: every sampled image as a point, its picture under the pointer. */

const RADIUS = 4;
const map = { scale: 1, x: 0, y: 0, lasso: null, isLasso: false, hover: null, at: null };

function mapSection() {
  const canvas = h("canvas", { tabindex: "0", role: "img", "aria-label": "Map of the images; plus and minus zoom, arrow keys pan, n and p step through the images, Enter enlarges, x selects" });
  const tip = h("div", { class: "tip", hidden: true });
  const lasso = h("button", { "aria-pressed": "false", onclick: () => {
    map.isLasso = !map.isLasso;
    lasso.setAttribute("aria-pressed", String(map.isLasso));
    frame.classList.toggle("lasso", map.isLasso);
  } }, "Lasso");
  const frame = h("div", { class: "map" }, canvas, tip);
  Object.assign(map, { canvas, tip, frame });
  listen(canvas);
  new ResizeObserver(drawMap).observe(canvas);
  return section("map", "Map",
    h("p", { class: "quiet" }, `${count(DATA.map.images.length, "image")}${DATA.map.images.length < DATA.n_images ? `, a sample of ${DATA.n_images.toLocaleString("en")}` : ""}; `
      + "alike ones lie together (t-SNE). Dragging pans; buttons zoom, and once the map was clicked the wheel; a click enlarges; the lasso (or Shift) selects."),
    h("div", { class: "row filter" },
      h("button", { onclick: () => zoom(1.5), "aria-label": "zoom in" }, "+"),
      h("button", { onclick: () => zoom(1 / 1.5), "aria-label": "zoom out" }, "−"),
      h("button", { onclick: resetMap }, "Whole map"), lasso),
    frame);
}

function resetMap() {
  Object.assign(map, { scale: 1, x: 0, y: 0 });
  drawMap();
}

/** Where a position of the map lies on the canvas, in CSS pixels. */
function onCanvas([x, y]) {
  const { width, height } = map.canvas.getBoundingClientRect();
  const side = Math.min(width, height) - 40;
  return [
    width / 2 + (x - 0.5) * side * map.scale + map.x,
    height / 2 + (0.5 - y) * side * map.scale + map.y,
  ];
}

function zoom(factor, centre = null) {
  const { width, height } = map.canvas.getBoundingClientRect();
  const [cx, cy] = centre ?? [width / 2, height / 2];
  const scale = Math.min(60, Math.max(0.5, map.scale * factor));
  const by = scale / map.scale;
  map.x = cx - width / 2 - (cx - width / 2 - map.x) * by;
  map.y = cy - height / 2 - (cy - height / 2 - map.y) * by;
  map.scale = scale;
  drawMap();
}

let isDrawing = false;

function drawMap() {
  if (!map.canvas || isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => { isDrawing = false; drawNow(); });
}

function drawNow() {
  const { canvas } = map;
  const { width, height } = canvas.getBoundingClientRect();
  if (!width) return;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--text");
  map.points = DATA.map.positions.map(onCanvas);
  DATA.map.images.forEach((image, place) => {
    const [x, y] = map.points[place];
    if (x < -20 || y < -20 || x > width + 20 || y > height + 20) return;
    context.beginPath();
    context.arc(x, y, RADIUS + Math.min(3, map.scale / 8), 0, 2 * Math.PI);
    context.fillStyle = colour(clusterOf(image), 0.85);
    context.fill();
    if (chosen.has(image) || place === map.hover || place === map.at) {
      context.lineWidth = 2.5;
      context.strokeStyle = ink;
      context.stroke();
    }
  });
  drawNames(context, width, height);
  if (map.lasso) {
    context.beginPath();
    map.lasso.forEach(([x, y], place) => (place ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.closePath();
    context.lineWidth = 2;
    context.strokeStyle = ink;
    context.stroke();
  }
}

/** The point that is nearest to the median of some. */
function central(points) {
  const middle = (axis) => points.map((point) => point[axis]).sort((a, b) => a - b)[points.length >> 1];
  const [x, y] = [middle(0), middle(1)];
  const distance = ([px, py]) => (px - x) ** 2 + (py - y) ** 2;
  return points.reduce((best, point) => (distance(point) < distance(best) ? point : best));
}

/** The names of the clusters where most of their images are, while they have room. */
function drawNames(context, width, height) {
  const groups = new Map();
  DATA.map.images.forEach((image, place) => {
    const cluster = clusterOf(image);
    if (!groups.has(cluster)) groups.set(cluster, []);
    groups.get(cluster).push(map.points[place]);
  });
  const taken = [];
  context.font = "600 12px system-ui, sans-serif";
  context.textAlign = "center";
  const style = getComputedStyle(document.documentElement);
  for (const [cluster, points] of [...groups].sort((a, b) => b[1].length - a[1].length)) {
    const [x, y] = central(points);
    const text = short(nameOf(cluster).replace(/^Cluster /, "").replace(/\s+/g, " "), 18);
    const half = context.measureText(text).width / 2 + 4;
    const isFree = taken.every((other) => Math.abs(other.x - x) > other.half + half || Math.abs(other.y - y) > 16);
    if (!isFree || x < 0 || y < 0 || x > width || y > height) continue;
    taken.push({ x, y, half });
    context.lineWidth = 4;
    context.strokeStyle = style.getPropertyValue("--card");
    context.strokeText(text, x, y + 4);
    context.fillStyle = style.getPropertyValue("--text");
    context.fillText(text, x, y + 4);
  }
}

function nearestPoint([x, y]) {
  let best = -1;
  let least = 14 * 14;
  (map.points ?? []).forEach(([px, py], place) => {
    const distance = (px - x) ** 2 + (py - y) ** 2;
    if (distance < least) [best, least] = [place, distance];
  });
  return best < 0 ? null : best;
}

function showTip(place, [x, y]) {
  map.tip.hidden = place === null;
  if (place === map.hover) return;
  map.hover = place;
  drawMap();
  if (place === null) return;
  const image = DATA.map.images[place];
  const { width, height } = map.canvas.getBoundingClientRect();
  map.tip.replaceChildren(picture(image, { loading: "eager" }), h("div", {}, swatch(clusterOf(image)), " ", h("bdi", {}, short(nameOf(clusterOf(image)), 40))),
    h("div", { class: "quiet" }, short(IMAGES.path[image], 60)));
  Object.assign(map.tip.style, {
    left: x > width - 220 ? "" : `${x + 14}px`, right: x > width - 220 ? `${width - x + 14}px` : "",
    top: y > height - 220 ? "" : `${y + 14}px`, bottom: y > height - 220 ? `${height - y + 14}px` : "",
  });
}

function isInside([x, y], polygon) {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [xi, yi] = polygon[i];
    const [xj, yj] = polygon[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

/** Goes through the images by keyboard, cluster by cluster. */
function stepThrough(key) {
  const order = DATA.map.images.map((_, place) => place).sort((a, b) => clusterOf(DATA.map.images[a]) - clusterOf(DATA.map.images[b]));
  const at = order.indexOf(map.at);
  if (key === "n" || key === "p") {
    map.at = order[(at + (key === "n" ? 1 : -1) + order.length) % order.length];
    showTip(map.at, map.points[map.at]);
  }
  if (at < 0) return;
  const image = DATA.map.images[map.at];
  if (key === "Enter") view(image, [image]);
  if (key === "x") choose([image], !chosen.has(image));
}

function listen(canvas) {
  const pointers = new Map();
  let start = null;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at(event));
    start = at(event);
    if (map.isLasso || event.shiftKey) map.lasso = [start];
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = at(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      showTip(nearestPoint([x, y]), [x, y]);
      return;
    }
    pointers.set(event.pointerId, [x, y]);
    if (pointers.size === 2) {
      const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      const distance = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
      zoom(distance([x, y]) / distance(before), other);
    } else if (map.lasso) {
      map.lasso.push([x, y]);
      drawMap();
    } else {
      map.x += x - before[0];
      map.y += y - before[1];
      showTip(null, [x, y]);
      drawMap();
    }
  });
  canvas.addEventListener("pointerup", (event) => {
    const end = at(event);
    pointers.delete(event.pointerId);
    if (map.lasso) {
      const { lasso } = map;
      map.lasso = null;
      if (lasso.length > 2) choose(DATA.map.images.filter((_, place) => isInside(map.points[place], lasso)), true);
      drawMap();
    } else if (start && Math.hypot(end[0] - start[0], end[1] - start[1]) < 5) {
      const place = nearestPoint(end);
      if (place !== null) view(DATA.map.images[place], [DATA.map.images[place]]);
    }
  });
  canvas.addEventListener("pointercancel", (event) => { pointers.delete(event.pointerId); map.lasso = null; });
  canvas.addEventListener("pointerleave", () => showTip(null, [0, 0]));
  canvas.addEventListener("wheel", (event) => {
    // Else a page that is scrolled past the map would stop at it.
    if (!event.ctrlKey && document.activeElement !== canvas) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * 0.0015), at(event));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const pan = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[event.key];
    if (pan) {
      event.preventDefault();
      map.x += pan[0];
      map.y += pan[1];
      drawMap();
    }
    if (event.key === "+" || event.key === "=") zoom(1.5);
    if (event.key === "-") zoom(1 / 1.5);
    if (event.key === "0") resetMap();
    if (["n", "p", "x", "Enter"].includes(event.key)) {
      event.preventDefault(); // else Enter goes on to the button that the viewer opens with
      stepThrough(event.key);
    }
  });
}
