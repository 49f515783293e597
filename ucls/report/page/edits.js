/* The corrections: a list of edits, and what they make of the clusters that were found. */

let log = structuredClone(DATA.corrections);
let undone = [];
let state;
const listeners = [];

/** Edits made to the found clusters, as `ucls relabel` makes them. */
function replay(edits) {
  const now = {
    ofCell: Int32Array.from(DATA.cells, ([cluster]) => cluster),
    moved: new Map(),
    names: new Map(),
    done: new Set(),
    numbers: new Set(),
  };
  for (let number = 0; number < DATA.n_found; number++) now.numbers.add(number);
  for (const [cluster] of DATA.cells) now.numbers.add(cluster);
  for (const edit of edits) MAKE[edit.do](now, edit);
  now.sizes = countSizes(now);
  return now;
}

const MAKE = {
  rename(now, { cluster, name }) {
    now.names.delete(cluster);
    if (name) now.names.set(cluster, name);
  },
  merge(now, { clusters, into }) {
    const gone = new Set(clusters.filter((cluster) => cluster !== into));
    reassign(now, (cluster) => gone.has(cluster), into);
    const names = new Set([...gone].filter((cluster) => now.names.has(cluster)).map((cluster) => now.names.get(cluster)));
    if (names.size === 1 && !now.names.has(into)) now.names.set(into, ...names);
    for (const cluster of gone) {
      now.numbers.delete(cluster);
      now.names.delete(cluster);
      now.done.delete(cluster);
    }
  },
  split(now, { cluster, into, leaves }) {
    const part = new Set(leaves?.length ? leaves : smallerHalf(now, cluster));
    const number = into ?? Math.max(...now.numbers) + 1;
    reassign(now, (own, leaf) => own === cluster && part.has(leaf), number);
    now.numbers.add(number);
  },
  move(now, { images, into }) {
    for (const image of images.flatMap(findImages)) now.moved.set(image, into);
    now.numbers.add(into);
  },
  wrong(now, { images }) {
    for (const image of images.flatMap(findImages)) now.moved.set(image, WRONG);
  },
  done(now, { cluster, done }) {
    if (done === false) now.done.delete(cluster);
    else now.done.add(cluster);
  },
};

function reassign(now, isMeant, into) {
  DATA.cells.forEach(([, leaf], cell) => {
    if (isMeant(now.ofCell[cell], leaf)) now.ofCell[cell] = into;
  });
  for (const [image, cluster] of now.moved) {
    if (isMeant(cluster, IMAGES.leaf[image])) now.moved.set(image, into);
  }
}

const PLACES = { row: null, path: null };

/** The known images that an edit names; none where this page does not know it. */
function findImages(id) {
  const key = typeof id === "number" ? "row" : "path";
  PLACES[key] ??= new Map(IMAGES[key].map((value, image) => [value, image]));
  const image = PLACES[key].get(id);
  return image === undefined ? [] : [image];
}

function clusterOf(image, now = state) {
  return now.moved.get(image) ?? now.ofCell[CELL_OF[image]];
}

function countSizes(now) {
  const sizes = new Map();
  const add = (cluster, count) => sizes.set(cluster, (sizes.get(cluster) ?? 0) + count);
  DATA.cells.forEach(([, , count], cell) => add(now.ofCell[cell], count));
  for (const [image, cluster] of now.moved) {
    add(now.ofCell[CELL_OF[image]], -1);
    add(cluster, 1);
  }
  return sizes;
}

/** The head's clusters in the smaller of the two parts that the merge tree makes of a cluster. */
function smallerHalf(now, cluster) {
  if (!DATA.tree) return [];
  const counts = new Map();
  const add = (leaf, count) => counts.set(leaf, (counts.get(leaf) ?? 0) + count);
  DATA.cells.forEach(([, leaf, count], cell) => {
    if (now.ofCell[cell] === cluster) add(leaf, count);
  });
  for (const [image, own] of now.moved) {
    if (now.ofCell[CELL_OF[image]] === cluster) add(IMAGES.leaf[image], -1);
    if (own === cluster) add(IMAGES.leaf[image], 1);
  }
  const { leafOf, children } = DATA.tree;
  const below = Array(children.length + 1).fill(0);
  leafOf.forEach((leaf, cluster) => { if (leaf >= 0) below[leaf] += counts.get(cluster) ?? 0; });
  for (const [left, right] of children) below.push(below[left] + below[right]);
  const least = Math.max(1, 0.1 * below.at(-1));
  let node = below.length - 1;
  while (node > children.length) {
    const [left, right] = children[node - children.length - 1];
    const [smaller, larger] = below[left] <= below[right] ? [left, right] : [right, left];
    if (below[smaller] >= least) {
      const part = new Set(leavesBelow(smaller));
      return leafOf.flatMap((leaf, cluster) => (part.has(leaf) && counts.get(cluster) > 0 ? [cluster] : []));
    }
    node = larger;
  }
  return [];
}

function leavesBelow(node) {
  const { children } = DATA.tree;
  const leaves = [];
  const ahead = [node];
  while (ahead.length) {
    const next = ahead.pop();
    if (next <= children.length) leaves.push(next);
    else ahead.push(...children[next - children.length - 1]);
  }
  return leaves;
}

function nameOf(cluster) {
  if (cluster === WRONG) return "no cluster";
  return state.names.get(cluster) ?? `Cluster ${cluster}`;
}

/** The clusters that hold images or have a name, the largest first. */
function clusterNumbers() {
  const sizes = state.sizes;
  return [...state.numbers]
    .filter((cluster) => sizes.get(cluster) > 0)
    .sort((a, b) => sizes.get(b) - sizes.get(a) || a - b);
}

function newNumber() {
  return Math.max(-1, ...state.numbers) + 1;
}

/* Every change goes through here: made, remembered, shown. */
function edit(...edits) {
  log.push(...edits.map((one) => structuredClone(one)));
  undone = [];
  changed();
}

function undo() {
  if (!log.length) return;
  undone.push(log.pop());
  changed();
}

function redo() {
  if (!undone.length) return;
  log.push(undone.pop());
  changed();
}

function changed() {
  state = replay(log);
  remember();
  for (const listener of listeners) listener();
}

const MEMORY = `ucls ${DATA.name} ${DATA.labels}`;

function remember() {
  if (DATA.server) saveToRun();
  try {
    localStorage.setItem(MEMORY, JSON.stringify(log));
  } catch { /* A browser may keep nothing for files; the downloads remain. */ }
}

/** Goes on with what the browser kept, if it went on from what the run has. */
function recall() {
  if (DATA.server) return;
  try {
    const kept = JSON.parse(localStorage.getItem(MEMORY)) ?? [];
    const isSame = DATA.corrections.every((one, place) => JSON.stringify(one) === JSON.stringify(kept[place]));
    if (isSame && kept.length) {
      state = replay(kept);
      log = kept;
    } else if (kept.length) {
      localStorage.setItem(`${MEMORY} put aside`, JSON.stringify(kept));
    }
  } catch { /* Nothing was kept, or by another version. */ }
}

let isSaving = false;
let isUnsaved = false;

window.addEventListener("beforeunload", (event) => { if (isSaving) event.preventDefault(); });

/** Saves what is there; what changes meanwhile is saved next, all at once. */
async function saveToRun() {
  isUnsaved = true;
  if (isSaving) return;
  isSaving = true;
  while (isUnsaved) {
    isUnsaved = false;
    const response = await fetch("corrections", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ schema: 1, labels: DATA.labels, revision: DATA.revision, edits: log }),
    }).catch(() => ({ ok: false, text: async () => "the server is stopped" }));
    if (response.ok) {
      const answer = await response.json();
      DATA.revision = answer.revision;
      tell(answer.told);
    } else {
      tell(`not saved: ${await response.text()}`, true);
    }
  }
  isSaving = false;
}

state = replay(log);
