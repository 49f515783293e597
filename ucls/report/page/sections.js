/* The sections of the page but clusters and map. */

function section(id, title, ...children) {
  return h("section", { id, "aria-labelledby": `${id}-title` }, h("h2", { id: `${id}-title` }, title), children);
}

function verdictSection() {
  const box = h("div", { class: "verdict", id: "verdict" });
  const show = () => box.replaceChildren(
    ...DATA.verdict.map((parts) => h("p", {}, parts.map((part) => (typeof part === "number" ? clusterLink(part) : part)))),
    DATA.no_pictures ? h("p", { class: "quiet" }, `There are no pictures: ${DATA.no_pictures}.`) : "",
    DATA.n_lost_pictures ? h("p", { class: "quiet" }, `Without a picture, as they are gone or were changed since: ${count(DATA.n_lost_pictures, "image")}.`) : "",
    DATA.is_complete ? "" : h("p", { class: "quiet" }, `This page knows ${N_KNOWN.toLocaleString("en")} of the images, a sample of every cluster; sizes are those of all.`));
  listeners.push(show);
  show();
  return h("section", { id: "top", "aria-label": "Verdict" }, box);
}

const MOST_PAIRS = 15;

function pairSection() {
  const pairs = DATA.pairs.filter(([, , cut]) => cut >= 0.01);
  const box = h("div", {});
  const show = () => box.replaceChildren(table(
    ["Clusters", "", "normalised cut", "votes →", "votes ←", ""],
    pairs.slice(0, MOST_PAIRS).map(([first, second, cut, there, back]) => [
      clusterLink(first), clusterLink(second), cut.toFixed(2), percent(there), percent(back),
      state.sizes.get(first) > 0 && state.sizes.get(second) > 0
        ? h("button", { onclick: () => edit({ do: "merge", clusters: [second], into: first }) }, "Merge") : ""]),
    [1]));
  listeners.push(show);
  show();
  const isDrawn = DATA.dendrogram.length > 1 && DATA.dendrogram.length < MOST_LEAVES;
  const numbers = Object.keys(DATA.clusters).map(Number);
  return section("pairs", "Clusters beside each other",
    h("p", { class: "quiet" }, "Normalised cut: the links of the neighbour graph between two clusters, beside all that they have in the two; near 0 they are apart, near 1 nothing tells them apart. Votes: the share of the heads' votes for images of the first that go to the second, and back."),
    pairs.length ? box : h("p", {}, "All clusters are well apart."),
    isDrawn ? h("details", { open: numbers.length <= 40 }, h("summary", {}, "How they would merge further, by the links between them"), dendrogram(DATA.dendrogram, numbers)) : "");
}

function cleaningSection() {
  const { misfits, duplicates, unreadable } = DATA.cleaning;
  const { n_misfits: nMisfits, n_duplicates: nDuplicates, n_unreadable: nUnreadable } = DATA.cleaning;
  const shownOf = (list, n) => (list.length < n ? `, ${list.length} shown` : "");
  return section("cleaning", "For cleaning",
    nMisfits + nDuplicates + nUnreadable === 0 ? h("p", {}, "Nothing to clean: no image is unlike all others, no two are nearly the same, and every file could be read.") : "",
    nMisfits ? [h("h3", {}, `Unlike all others: ${count(nMisfits, "image")}${shownOf(misfits, nMisfits)}`), tiles(misfits)] : "",
    nDuplicates ? [h("h3", {}, `Near-duplicates: ${count(nDuplicates, "pair")} of a cosine of ${DATA.cleaning.duplicates_from} or more${shownOf(duplicates, nDuplicates)}`),
      h("div", { class: "row" }, duplicates.map(([first, second, cosine]) => h("span", { class: "row" }, tiles([first, second], [null, cosine.toFixed(3)]))))] : "",
    nUnreadable ? [h("h3", {}, `Could not be read: ${count(nUnreadable, "file")}${shownOf(unreadable, nUnreadable)}`), table(["File", "Reason"], unreadable, [1])] : "");
}

function labelSection() {
  const { confusion } = DATA.figures;
  if (!confusion) return null;
  const box = h("div", {});
  const show = () => box.replaceChildren(
    confusion.counts ? h("p", { class: "quiet" }, "Rows are classes, columns the clusters in the order of the classes they stand for.") : "",
    confusion.counts ? confusionMatrix(confusion) : h("p", { class: "quiet" }, "There are too many classes and clusters for a matrix."),
    h("details", { open: confusion.classes.length <= 30 }, h("summary", {}, "Each class"), table(
      ["Class", "images", "cluster", "there", "taken for", ""],
      [...confusion.classes].sort((a, b) => a.share - b.share).map((one) => [
        one.name, one.size, one.cluster === null ? "none" : clusterLink(one.cluster), percent(one.share), one.taken_for ?? "", one.taken_for ? percent(one.taken_share) : ""]), [4])));
  listeners.push(show);
  show();
  return section("labels", "Against the labels",
    h("p", { class: "quiet" }, "The clusters as the report found them, each matched to one class."), box);
}

function alternativeSection() {
  if (!DATA.alternatives.length) return null;
  return section("alternatives", "Other clusterings of these images",
    h("p", { class: "quiet" }, "Each was found without what tells the clusters of the others apart."),
    DATA.alternatives.map((other) => {
      const nameThere = (cluster, name) => short(name || `Cluster ${cluster}`, 40);
      const names = Object.fromEntries(other.clusters.map(([cluster, name]) => [cluster, nameThere(cluster, name)]));
      return [
        h("h3", {}, DATA.server ? short(other.name) : h("a", { href: other.page }, short(other.name)), `: ${count(other.clusters.length, "cluster")}`
          + (other.nmi === null ? "" : `, NMI with those here ${other.nmi.toFixed(2)}`)),
        other.clusters.slice(0, 60).map(([cluster, , size, examples]) => h("div", {},
          h("p", {}, h("bdi", {}, names[cluster]), `, ${count(size, "image")}`), tiles(examples.filter((image) => SHOWN_AT[image] >= 0)))),
        h("details", {}, h("summary", {}, "Which images they have in common"), table(["here", "there", "images in both"],
          other.overlaps.slice(0, 60).map(([here, there, size]) => [clusterLink(here), h("bdi", {}, names[there]), size]), [1])),
      ];
    }));
}

function besideSection() {
  const other = DATA.beside;
  if (!other) return null;
  const nameThere = (cluster) => short(other.names[cluster] ?? `Cluster ${cluster}`, 40);
  const moved = other.moved.filter((image) => SHOWN_AT[image] >= 0).slice(0, 60);
  return section("beside", `Beside ${short(other.name)}`,
    h("p", {}, `Of ${count(other.n_common, "image")} in both runs ${other.n_moved.toLocaleString("en")} are not in clusters that match`
      + (other.ari === null ? "." : `; adjusted Rand index ${other.ari.toFixed(3)}, NMI ${other.nmi.toFixed(3)}.`)),
    table(["here", "there", "images in both", "of the one here", "of the one there", ""],
      other.overlaps.slice(0, 60).map(([here, there, size, ofHere, ofThere, isMatched]) => [
        clusterLink(here), h("bdi", {}, nameThere(there)), size, percent(ofHere), percent(ofThere), isMatched ? "matched" : ""]), [1]),
    moved.length ? [h("h3", {}, `Images that moved${moved.length < other.n_moved ? `, ${moved.length} of them` : ""}`), tiles(moved)] : "");
}

function figureSection() {
  const { results, curves, stages, config, versions, commands } = DATA.figures;
  return section("figures", "Figures",
    results ? table(["", ...results.columns], results.rows) : h("p", {}, "Not evaluated, or not since the last change: run `ucls evaluate`, then make the report again."),
    h("div", { class: "two" },
      h("div", {}, h("h3", {}, "Training: loss of each group of heads"), curves.length ? lineChart(curves) : ""),
      h("div", {}, h("h3", {}, "Stages"), table(["", "seconds", "peak MB"], stages.map((one) => [one.name, one.seconds?.toFixed(1), one.peak_memory_mb?.toFixed(0)])))),
    h("details", {}, h("summary", {}, "Settings, versions, commands"),
      h("h3", {}, "Commands"), h("pre", {}, commands.join("\n")),
      h("h3", {}, "Versions"), h("pre", {}, Object.entries(versions).map(([name, version]) => `${name} ${version}`).join("\n")),
      h("h3", {}, "config.toml"), h("pre", {}, config)));
}
