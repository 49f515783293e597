/* What the page gives away: corrections.toml, labels.csv. */

function tomlText(text) {
  const escaped = JSON.stringify(text).replace(/[\u007f-\u009f\ud800-\udfff]/g, (character) => {
    const code = character.charCodeAt(0);
    return code < 0xa0 ? `\\u${code.toString(16).padStart(4, "0")}` : character;
  });
  return escaped;
}

function tomlValue(value) {
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(", ")}]`;
  return typeof value === "string" ? tomlText(value) : String(value);
}

function asToml() {
  const lines = [
    `# Corrections of ${tomlText(DATA.name).slice(0, 80)}; give this file to: ucls relabel RUN corrections.toml`,
    "schema = 1",
    `labels = ${tomlText(DATA.labels)}`,
  ];
  for (const one of log) {
    lines.push("", "[[edits]]");
    for (const [key, value] of Object.entries(one)) lines.push(`${key} = ${tomlValue(value)}`);
  }
  return `${lines.join("\n")}\n`;
}

function csvCell(value) {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function asCsv() {
  const lines = ["path,split,cluster,name,found"];
  for (let image = 0; image < N_KNOWN; image++) {
    const cluster = clusterOf(image);
    const cells = [
      IMAGES.path[image], DATA.splits[IMAGES.split[image]], cluster,
      state.names.get(cluster) ?? "", IMAGES.found[image],
    ];
    lines.push(cells.map(csvCell).join(","));
  }
  return `${lines.join("\n")}\n`;
}

function download(name, text, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
