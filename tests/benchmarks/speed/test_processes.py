import pytest

from benchmarks.speed.processes import process_ratios


@pytest.mark.slow
def test_several_processes_are_put_beside_one() -> None:
    extraction, training = process_ratios(
        2, n_images=4, backbone="timm/test_vit", n_rows=400, epochs=1, repeats=1
    )
    assert extraction.name == "extract train in 2 processes"
    for found in (extraction, training):
        rate = found.facts["images_per_s_2"]
        assert isinstance(rate, float)
        assert found.seconds == [pytest.approx(1 / rate)]
        assert found.against == "one process"
