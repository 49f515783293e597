from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "reuse_features.ipynb"


def kinds(cell: nbformat.NotebookNode) -> list[list[str]]:
    """The media types of each output of a cell; its stream's name where it is printed."""
    return [sorted(output.get("data", {output.get("name"): ""})) for output in cell.outputs]


@pytest.mark.slow
def test_the_notebook_runs_and_gives_the_outputs_it_shows(tmp_path: Path, own_cache: Path) -> None:
    shown, executed = (nbformat.read(NOTEBOOK, as_version=4) for _ in range(2))
    client = NotebookClient(
        executed,
        timeout=120,
        coalesce_streams=True,  # what is printed in a row may arrive in pieces
        resources={"metadata": {"path": tmp_path}},
    )
    client.execute()
    assert list(own_cache.glob("digits-train-*.h5"))
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    code_shown = [cell for cell in shown.cells if cell.cell_type == "code"]
    assert [kinds(cell) for cell in code] == [kinds(cell) for cell in code_shown]
    assert sum("image/png" in kind for cell in code for kind in kinds(cell)) == 3
