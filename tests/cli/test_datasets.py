from tests.conftest import Cli
from ucls.datasets import DATASETS


def test_every_dataset_is_listed(cli: Cli) -> None:
    outcome = cli("datasets")
    assert (outcome.exit_code, outcome.err) == (0, "")
    for name, info in DATASETS.items():
        (line,) = [line for line in outcome.out.splitlines() if line.startswith(name)]
        assert f"{info.n_train:,}" in line
        assert f"{info.n_val:,}" in line
