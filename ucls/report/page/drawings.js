/* Charts. */

function lineChart(curves) {
  const [width, height, left, bottom] = [520, 220, 56, 30];
  const points = curves.flatMap((curve) => curve.points);
  const range = (axis) => [Math.min(...points.map((p) => p[axis])), Math.max(...points.map((p) => p[axis]))];
  const [[x0, x1], [y0, y1]] = [range(0), range(1)];
  const x = (value) => left + ((value - x0) / (x1 - x0 || 1)) * (width - left - 12);
  const y = (value) => 12 + ((y1 - value) / (y1 - y0 || 1)) * (height - bottom - 12);
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Loss by epoch", style: { maxWidth: "100%", width: `${width}px` } },
    svg("line", { class: "axis", x1: left, y1: height - bottom, x2: width - 12, y2: height - bottom }),
    svg("line", { class: "axis", x1: left, y1: 12, x2: left, y2: height - bottom }),
    [y0, y1].map((value) => svg("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, value.toPrecision(3))),
    [x0, x1].map((value) => svg("text", { x: x(value), y: height - 10, "text-anchor": "middle" }, value)),
    svg("text", { x: (left + width) / 2, y: height - 10, "text-anchor": "middle" }, "epoch"),
    curves.map((curve) => svg("polyline", {
      fill: "none", "stroke-width": 2, style: { stroke: colour(curve.group) },
      points: curve.points.map(([epoch, loss]) => `${x(epoch).toFixed(1)},${y(loss).toFixed(1)}`).join(" "),
    })));
}

/** The clusters by size, each as sure as it is opaque. */
function sizeChart(clusters) {
  const [width, height] = [Math.max(240, Math.min(900, 14 * clusters.length)), 140];
  const most = Math.max(...clusters.map((cluster) => state.sizes.get(cluster)));
  const step = width / clusters.length;
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Sizes of the clusters", style: { maxWidth: "100%", width: `${width}px` } },
    clusters.map((cluster, place) => {
      const size = state.sizes.get(cluster);
      const sure = DATA.clusters[cluster]?.confidence ?? 1;
      const tall = Math.max(1, (size / most) * (height - 10));
      return svg("rect", { x: place * step, y: height - tall, width: Math.max(1, step - 2), height: tall, style: { fill: colour(cluster, 0.25 + 0.75 * sure) } },
        svg("title", {}, `${nameOf(cluster)}: ${size} images, confidence ${sure.toFixed(2)}`));
    }));
}

const MOST_LEAVES = 200;

/** How the clusters would merge further; `tree` in SciPy's format, of `numbers`. */
function dendrogram(tree, numbers) {
  const n = numbers.length;
  const step = 17;
  const order = [];
  const visit = (node) => {
    if (node < n) order.push(node);
    else tree[node - n].slice(0, 2).forEach(visit);
  };
  visit(2 * n - 2);
  const height = n * step + 10;
  const width = 560;
  const labels = 200;
  const most = Math.log1p(tree.at(-1)[2]) || 1;
  const x = (distance) => labels + (Math.log1p(distance) / most) * (width - labels - 10);
  const at = new Map(order.map((leaf, place) => [leaf, [labels, place * step + 12]]));
  const lines = tree.map(([first, second, distance], merge) => {
    const [x1, y1] = at.get(first);
    const [x2, y2] = at.get(second);
    const right = x(distance);
    at.set(n + merge, [right, (y1 + y2) / 2]);
    return svg("path", { fill: "none", class: "axis", "stroke-width": 1.5, style: { stroke: "var(--quiet)" }, d: `M${x1},${y1}H${right}V${y2}H${x2}` });
  });
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "How clusters would merge", style: { maxWidth: "100%", width: `${width}px` } },
    lines, order.map((leaf, place) => svg("text", { x: labels - 8, y: place * step + 16, "text-anchor": "end" }, short(nameOf(numbers[leaf]), 26))));
}

/** Classes by clusters as a shaded table. */
function confusionMatrix({ counts, classes, clusters }) {
  const side = Math.max(3, Math.min(26, Math.floor(620 / Math.max(clusters.length, classes.length))));
  const [left, top] = [side >= 12 ? 130 : 8, side >= 12 ? 64 : 8];
  const canvas = h("canvas", { role: "img", "aria-label": "Confusion of classes (rows) and clusters (columns)" });
  const ratio = window.devicePixelRatio || 1;
  const width = left + clusters.length * side + 4;
  const height = top + classes.length * side + 4;
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--text");
  context.font = "12px system-ui, sans-serif";
  counts.forEach((row, i) => row.forEach((value, j) => {
    const share = value / Math.max(1, classes[i].size);
    context.fillStyle = share ? `oklch(${dark() ? 0.3 + 0.5 * share : 0.93 - 0.5 * share} ${0.03 + 0.1 * share} 250)` : "transparent";
    context.fillRect(left + j * side, top + i * side, side - (side > 6 ? 1 : 0), side - (side > 6 ? 1 : 0));
  }));
  if (side >= 12) {
    context.fillStyle = ink;
    context.textAlign = "right";
    classes.forEach((one, i) => context.fillText(short(one.name, 18), left - 6, top + i * side + side / 2 + 4));
    context.textAlign = "left";
    clusters.forEach((cluster, j) => {
      context.save();
      context.translate(left + j * side + side / 2 + 4, top - 6);
      context.rotate(-Math.PI / 2);
      context.fillText(short(nameOf(cluster).replace(/^Cluster /, ""), 9), 0, 0);
      context.restore();
    });
  }
  return h("div", { class: "scroll" }, canvas);
}

function table(columns, rows, texts = []) {
  const kind = (place) => (place === 0 || texts.includes(place) ? "text" : null);
  return h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, columns.map((column, place) => h("th", { class: kind(place), scope: "col" }, column)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell, place) => h("td", { class: kind(place) }, cell ?? "")))))));
}
