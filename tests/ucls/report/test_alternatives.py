import shutil
from pathlib import Path

import pytest

from ucls.cache import RunFolder
from ucls.report.alternatives import alternative_runs, alternatives_shown
from ucls.report.cleaning import cleaning_list
from ucls.report.images import choose_images
from ucls.report.state import RunState
from ucls.runs.run import Run
from ucls.stages.report import is_up_to_date, report


@pytest.fixture
def with_another(run_path: Path) -> Path:
    """A run that names itself, copied, and a run that is gone as its alternatives."""
    shutil.copytree(run_path, run_path.with_name("other"))
    RunFolder(run_path).update(alternatives=["other", "gone"])
    return run_path


def test_another_clustering_is_shown_by_its_clusters(with_another: Path) -> None:
    assert alternative_runs(Run(with_another)) == [with_another.with_name("other").resolve()]
    state = RunState.of(Run(with_another))
    images = choose_images(state, cleaning_list(state))
    (shown,) = alternatives_shown(state, images)
    assert shown["name"] == "other"
    assert shown["page"] == "../other/report.html"
    assert shown["nmi"] == pytest.approx(1.0)
    sizes = {number: size for number, _, size, _ in shown["clusters"]}
    assert sizes == state.labels.sizes()
    for number, _, _, examples in shown["clusters"]:
        assert 0 < len(examples) <= 8
        assert {int(state.labels.clusters[images.known[place]]) for place in examples} == {number}
    assert all(here == there for here, there, _ in shown["overlaps"])


def test_a_page_is_outdated_once_an_alternative_is_newer(with_another: Path) -> None:
    report(with_another)
    assert is_up_to_date(with_another)
    (with_another.with_name("other") / "labels.csv").touch()
    assert not is_up_to_date(with_another)


def test_most_runs_have_none(run_path: Path) -> None:
    assert alternative_runs(Run(run_path)) == []
