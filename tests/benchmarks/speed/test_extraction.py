import numpy as np

from benchmarks.speed.extraction import extraction_ratios

BACKBONE = "timm/test_vit"


def test_an_extraction_is_put_beside_the_bare_model():
    (found,) = extraction_ratios(n_images=4, backbone=BACKBONE, batch_size=2, workers=0, repeats=2)
    assert found.name == f"extraction of 4 JPEGs, {BACKBONE}, float32, batch 2"
    assert found.against == "bare forward pass"
    assert len(found.seconds) == len(found.reference_seconds) == 2
    assert found.facts["images_per_s"] == 4 / np.median(found.seconds)
    assert found.facts["bottleneck"] in ("read", "decode", "forward", "write", "compute")
