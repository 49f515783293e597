from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def kinds(cell: nbformat.NotebookNode) -> list[list[str]]:
    """The media types of each output of a cell; its stream's name where it is printed."""
    return [sorted(output.get("data", {output.get("name"): ""})) for output in cell.outputs]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "cache", "n_pictures"),
    [("reuse_features", "digits-train-*.h5", 3), ("look_and_correct", "pictures-train-*.h5", 2)],
)
def test_a_notebook_runs_and_gives_the_outputs_it_shows(
    name: str, cache: str, n_pictures: int, tmp_path: Path, own_cache: Path
) -> None:
    path = NOTEBOOKS / f"{name}.ipynb"
    shown, executed = (nbformat.read(path, as_version=4) for _ in range(2))
    client = NotebookClient(
        executed,
        timeout=120,
        coalesce_streams=True,  # what is printed in a row may arrive in pieces
        resources={"metadata": {"path": tmp_path}},
    )
    client.execute()
    assert list(own_cache.glob(cache))
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    code_shown = [cell for cell in shown.cells if cell.cell_type == "code"]
    assert [kinds(cell) for cell in code] == [kinds(cell) for cell in code_shown]
    assert sum("image/png" in kind for cell in code for kind in kinds(cell)) == n_pictures
