"""A record as Markdown and CSV, beside the thesis's figures where they are of the same images."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.ablations.plots import plot_study
from benchmarks.ablations.record import Record
from benchmarks.ablations.rows import Row, published_table, rows_of
from benchmarks.ablations.study import Study
from benchmarks.ablations.tables import Table, settings_table, tables_of
from ucls.cache import atomic_write, write_csv

SHOWN_SETTINGS = (
    "neighbors.k", "neighbors.threshold", "neighbors.cap", "train.n_heads", "train.n_smoothing",
    "train.hidden_dim", "train.epochs", "train.warmup_epochs", "train.batch_size",
    "train.learning_rate", "train.teacher_momentum", "train.precision", "ensemble.method",
    "ensemble.heads", "self_train.inputs",
)  # fmt: skip
COLUMNS = (
    "source", "row", "label", "group", "figure", "mean", "spread", "runs", "published",
    "difference",
)  # fmt: skip


def write_report(study: Study, record: Record, path: Path) -> list[Path]:
    """Writes the tables and the plot of a record.

    Args:
        study: whose record it is.
        record: the runs.
        path: of the record; the others lie beside it, under the same name.

    Returns:
        What was written: ``.md``, ``.csv``, and ``.svg`` and ``.png`` if any run has figures.
    """
    rows = rows_of(study, record)
    markdown, table = path.with_suffix(".md"), path.with_suffix(".csv")
    with atomic_write(markdown) as partial:
        partial.write_text(as_markdown(study, record, rows), encoding="utf-8")
    write_csv(table, COLUMNS, csv_rows(record.title, rows))
    plots = plot_study(study, record, rows, path) if rows else []
    return [markdown, table, *plots]


def as_markdown(study: Study, record: Record, rows: Sequence[Row]) -> str:
    """Title, tables, what a reader has to know, and where the figures come from."""
    blocks = [f"# {study.title}: {record.title}", introduction(study, record)]
    for table in tables_of(study, rows) if rows else []:
        blocks += [f"## {table.title}", format_table(table)]
    blocks.append("\n".join(f"- {note}" for note in remarks(study, record, rows)))
    if (differences := settings_table(study, record, rows)) is not None:
        blocks += [f"## {differences.title}", format_table(differences)]
    return "\n\n".join(blocks) + "\n"


def introduction(study: Study, record: Record) -> str:
    """What is shown."""
    if not record.finished:
        return "No run has finished."
    n_images = record.source["n_images"][record.split]
    seeds = sorted({entry.seed for entry in record.finished})
    runs = f"mean ± standard deviation over {len(seeds)} seeds" if len(seeds) > 1 else "one seed"
    tables = f"table{'s' if len(study.tables) > 1 else ''} {' and '.join(study.tables)}"
    is_file = record.source["kind"] == "features"
    features = "on given features" if is_file else f"on `{' and '.join(record.backbones)}`"
    text = (
        f"As {tables} of the thesis, {features}. Scores in percent on the {n_images:,} images of "
        f"`{record.split}`, {record.n_clusters} clusters, {runs}."
    )
    if published_table(study, record) is not None:
        text += " In brackets the thesis's figure, and ours minus that."
    if record.simulated is None:
        return text
    made = ", ".join(f"{name} {value:,}" for name, value in record.simulated.items())
    return f"**Simulated features** ({made}): made up, not of images.\n\n{text}"


def format_table(table: Table) -> str:
    """A table in Markdown; figures to the right."""
    lines = [table.header, ["---", *("---:" for _ in table.header[1:])], *table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def remarks(study: Study, record: Record, rows: Sequence[Row]) -> Iterator[str]:
    """What a reader has to know, a line each."""
    if rows:
        yield from reading_hints(study, record)
        yield from settings_lines(study, record, rows)
    for label, reason in record.left_out.items():
        yield f"{label} is left out: {reason}."
    for entry in record.entries:
        if entry.error is not None:
            yield f"FAILED: {entry.variant}, seed {entry.seed}: {entry.error}"
    if (table := published_table(study, record)) is not None:
        yield f"The thesis's figures: {table.source}, {table.backbone}, {table.training}."
        yield from table.notes
    if machines := dict.fromkeys(entry.machine for entry in record.finished):
        yield f"Machine: {'; '.join(machines)}."
    yield f"Made by `{record.command}`."


def reading_hints(study: Study, record: Record) -> Iterator[str]:
    """What the columns are."""
    yield from study.notes
    if "heads" in study.parts:
        yield "Overall: mean ± standard deviation over the heads of a run, averaged over seeds."
    if "ensemble" in study.parts:
        yield f"†: consensus of what all heads say of `{record.split}`."
    if "self_training" in study.parts:
        yield "‡: linear classifiers on the consensus of `train`, chosen without labels."
    if study.shows_neighbors:
        yield "NN ACC above: pairs above the threshold alone, as in the thesis; of all: every pair."
        yield "Sets cut: images with more neighbours than the cap, of which the nearest are kept."


def settings_lines(study: Study, record: Record, rows: Sequence[Row]) -> Iterator[str]:
    """Where the settings come from, what all rows share, and what the user asked for."""
    preset = record.asked["preset"]
    if preset is None:
        yield (
            "Settings are UCLS's own, fitted to the data; as in the thesis no heads are merged, "
            "all form the consensus, and no training stops early."
        )
    else:
        own = f", with {study.training}" if study.training else ""
        yield f"Settings are the thesis's for {preset}{own}."
    settings = [record.settings[row.key] for row in rows]
    shared = {
        name: settings[0][name]
        for name in (SHOWN_SETTINGS if settings else ())
        if name in settings[0] and all(one.get(name) == settings[0][name] for one in settings)
    }
    if shared:
        yield f"All rows: {', '.join(f'`{name}` {value}' for name, value in shared.items())}."
    asked = [f"`{name}={value}`" for name, value in record.asked["set"].items()]
    if asked:
        yield f"Set by hand: {', '.join(asked)}."


def csv_rows(source: str, rows: Sequence[Row]) -> Iterator[tuple[object, ...]]:
    """A line for each figure, as :data:`COLUMNS`."""
    for row in rows:
        for (group, name), figure in row.figures.items():
            mean, spread, n, published = figure
            difference = None if published is None else round(mean - published, 4)
            rounded = (round(mean, 4), None if spread is None else round(spread, 4))
            yield (source, row.key, row.label, group, name, *rounded, n, published, difference)
