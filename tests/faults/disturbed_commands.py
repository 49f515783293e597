"""The commands that are disturbed, each with the one that it comes after."""

from typing import NamedTuple

TINY = (
    "train.epochs=3", "train.n_heads=6", "train.batch_size=20", "ensemble.heads=all",
    "self_train.iterations=40", "evaluate.kmeans_restarts=1",
)  # fmt: skip
PIXELS = ("extract.image_size=4", "extract.workers=1")
LEARNED = ("epochs=2", "batch_size=15", "scales=[1]", "image_size=12")


def settings(*names: str) -> str:
    return " ".join(f"--set {name}" for name in names)


class Command(NamedTuple):
    """A command line in the world of ``conftest.py``."""

    name: str
    line: str
    after: str | None = None
    """The command that comes before; None for the world as it is made."""
    is_over: str | None = None
    """What it says in place of going on where it was killed after its last step."""


COMMANDS = (
    Command("run", f"run blobs.npz --val blobs-val.npz -k 4 --out run {settings(*TINY)}"),
    Command("extract", f"extract blobs.npz --val blobs-val.npz -k 4 --out run {settings(*TINY)}"),
    Command("neighbors", "neighbors run", "extract"),
    Command("train", "train run", "neighbors"),
    Command("merge", "merge run", "train"),
    Command("ensemble", "ensemble run", "merge"),
    Command("ensemble-all", "ensemble run --method all", "ensemble"),
    Command("self-train", "self-train run", "ensemble"),
    Command("evaluate", "evaluate run", "self-train"),
    Command("again", "train run --overwrite", "evaluate"),
    Command("report", "report run", "evaluate"),
    Command("plot", "plot run", "evaluate"),
    Command("cut", "cut run -k 3", "evaluate"),
    Command("relabel", "relabel run corrections.toml --retrain", "evaluate"),
    Command("predict", "predict run blobs-val.npz --out new.csv", "evaluate"),
    Command("csv", "export run --out labels.csv", "evaluate"),
    Command("parquet", "export run --out labels.parquet", "evaluate"),
    Command("json", "export run --out labels.json --format coco", "evaluate"),
    Command("duplicates", "duplicates run", "evaluate"),
    Command("bench", "bench blobs.npz -k 4 --out bench --method k-means --method 'PCA + Ward'"),
    Command(
        "photos",
        f"run photos -k 3 --backbone pixels --labels folders --out run {settings(*TINY, *PIXELS)}",
    ),
    Command(
        "vit",
        "extract ../many --backbone test_vit --weights random "
        f"{settings('extract.image_size=32', 'extract.views=1', 'extract.workers=1')}",
    ),
    Command("copy", "sort run --to sorted --copy", "photos"),
    Command("links", "sort run --to sorted", "photos"),
    Command("links-to-copies", "sort run --to sorted --copy", "links"),
    Command("move", "sort run --to sorted --move", "photos"),
    Command("undo", "sort --undo sorted", "move", "there is nothing to undo"),
    Command("pretrain", f"pretrain photos --out learned --arch small -k 3 {settings(*LEARNED)}"),
    Command("masks", "masks photos --out masks --backbone test_vit --weights random"),
)
BY_NAME = {command.name: command for command in COMMANDS}

NEW_RUN = BY_NAME["run"].line
"""The same as ``run``; in a finished run it has nothing to do."""
READING = tuple(
    Command(f"read-{name}", line, "evaluate")
    for name, line in {
        **{
            stage: f"{stage} run --overwrite"
            for stage in ("neighbors", "train", "merge", "ensemble", "self-train", "evaluate")
        },
        "report": "report run",
        "predict": "predict run blobs-val.npz --out new.csv",
        "json": "export run --out labels.json",
        "cut": "cut run -k 3",
        "relabel": "relabel run corrections.toml",
        "duplicates": "duplicates run",
        "run": NEW_RUN,
    }.items()
)
"""Commands that read what a finished run holds."""
