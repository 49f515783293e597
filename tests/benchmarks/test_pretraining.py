"""The papers' settings for ``ucls pretrain``."""

from pathlib import Path

import pytest

from ucls.settings.given import gather
from ucls.settings.pretraining import fit_pretrain_config, read_pretrain_config
from ucls.settings.pretraining_methods import METHODS

FOLDER = Path(__file__).parents[2] / "benchmarks" / "pretraining"
FILES = sorted(FOLDER.glob("*.toml"))
# Batches and rates as the papers print them.
PRINTED = {
    "self-classifier-imagenet": (4096, 4.8), "self-classifier-small": (512, 0.4),
    "simsiam-imagenet": (512, 0.1), "simsiam-imagenet100": (512, 0.1),
    "simsiam-cifar10": (512, 0.06), "moco-v2-imagenet": (256, 0.03),
    "moco-v2-imagenet100": (256, 0.03), "c2bin-table5": (256, 0.2), "c2bin-table7": (256, 0.03),
    "segins-s-imagenet100": (512, 0.1), "segins-m-imagenet100": (256, 0.03),
    "c2bin-table10": (256, 3e-4), "uic-alexnet": (256, 0.1), "uic-vgg16": (256, 0.1),
}  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_reads_and_says_what_the_paper_says(path):
    config = fit_pretrain_config(
        read_pretrain_config(gather(config=path, of_run=False)),
        n_images=1_281_167,
        n_classes=1000,
        typical_side=256,
    )
    assert (config.batch_size, config.learning_rate) == PRINTED[path.stem]


def test_all_methods_and_files_are_there():
    assert {path.stem for path in FILES} == PRINTED.keys()
    methods = {read_pretrain_config(gather(config=path, of_run=False)).method for path in FILES}
    assert methods == METHODS.keys()
