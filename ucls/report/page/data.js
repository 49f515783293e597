const DATA = JSON.parse(document.getElementById("data").textContent);
const IMAGES = DATA.images;
const N_KNOWN = IMAGES.row.length;
const WRONG = -1;

/** The place among the shown images of each known one; -1 where it has no picture here. */
const SHOWN_AT = new Int32Array(N_KNOWN).fill(-1);
DATA.shown.forEach((image, place) => { SHOWN_AT[image] = place; });

const CELL_OF = (() => {
  const places = new Map(DATA.cells.map(([cluster, leaf], cell) => [`${cluster} ${leaf}`, cell]));
  return IMAGES.found.map((cluster, image) => places.get(`${cluster} ${IMAGES.leaf[image]}`));
})();

/** Whether a name can be written as UTF-8. */
function isWellFormed(text) {
  return !/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(text);
}

const PATH_TIMES = new Map();
for (const path of IMAGES.path) PATH_TIMES.set(path, (PATH_TIMES.get(path) ?? 0) + 1);

/** What corrections.toml calls an image: its path, or its row where the path says too little. */
function imageId(image) {
  const path = IMAGES.path[image];
  const isUnique = DATA.splits.length === 1 || (DATA.is_complete && PATH_TIMES.get(path) === 1);
  return isUnique && isWellFormed(path) ? path : IMAGES.row[image];
}

function pictureOf(image) {
  const place = SHOWN_AT[image];
  if (place < 0 || !DATA.thumbnails[place]) return null;
  return `data:image/webp;base64,${DATA.thumbnails[place]}`;
}
