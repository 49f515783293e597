/* Puts the page together. */

const THEME = "ucls theme";

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
}

function start() {
  const wanted = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  let kept = null;
  try { kept = localStorage.getItem(THEME); } catch { /* as with the edits */ }
  setTheme(kept ?? wanted);
  recall();
  document.getElementById("made").textContent = `${count(DATA.n_images, "image")} · made ${DATA.made} by UCLS ${DATA.version}`;
  const sections = [verdictSection(), clusterSection(), mapSection(), pairSection(), cleaningSection(), labelSection(), alternativeSection(), besideSection(), figureSection()].filter(Boolean);
  document.getElementById("sections").replaceChildren(...sections);
  document.getElementById("nav").replaceChildren(...sections.filter((one) => one.querySelector("h2")).map((one) => h("a", { href: `#${one.id}` }, one.querySelector("h2").textContent)));
  listeners.push(showClusters, refreshAll, showSelection, drawMap, showProgress, showTools);
  for (const listener of [showClusters, showProgress, showTools]) listener();
  document.getElementById("undo").onclick = undo;
  document.getElementById("redo").onclick = redo;
  document.getElementById("save-toml").onclick = () => {
    download("corrections.toml", asToml(), "application/toml");
    tell(`then, where it was saved: ${DATA.figures.commands[1]}`);
  };
  document.getElementById("save-csv").onclick = () => {
    download(DATA.is_complete ? "labels.csv" : "labels-sample.csv", asCsv(), "text/csv");
    if (!DATA.is_complete) tell("of the images that this page knows; of all: ucls export RUN");
  };
  document.getElementById("theme").onclick = () => {
    setTheme(dark() ? "light" : "dark");
    try { localStorage.setItem(THEME, document.documentElement.dataset.theme); } catch { /* as above */ }
    for (const listener of listeners) listener();
    for (const card of cards.values()) card.facts = null;
    showClusters();
  };
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input[type=text], input[type=search]") || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
    event.preventDefault();
    (event.shiftKey ? redo : undo)();
  });
  window.addEventListener("beforeprint", preparePrint);
}

/** Paper is light, and shows all that the screen fills in as it scrolls. */
function preparePrint() {
  const theme = document.documentElement.dataset.theme;
  setTheme("light");
  for (const card of cards.values()) card.show();
  drawNow();
  window.addEventListener("afterprint", () => { setTheme(theme); drawMap(); }, { once: true });
}

function showTools() {
  document.getElementById("undo").disabled = log.length === 0;
  document.getElementById("redo").disabled = undone.length === 0;
}

start();
