from typing import get_args

from ucls.settings.config import SelfTrainConfig
from ucls.settings.probe import PROTOCOLS, LarsProtocol, ProtocolName


def test_every_name_has_a_protocol() -> None:
    assert tuple(PROTOCOLS) == get_args(ProtocolName)


def test_what_the_papers_report() -> None:
    """Thesis 6.2 and DINOv2's 13 rates; Self-Classifier 5.3; C2BIN table 6."""
    thesis = PROTOCOLS["thesis"]
    assert isinstance(thesis, SelfTrainConfig)
    assert (thesis.iterations, len(thesis.learning_rates)) == (12_500, 13)
    assert PROTOCOLS["self-classifier"] == LarsProtocol((0.8,), 100, 4096, 0.0, falls=True)
    assert PROTOCOLS["c2bin"] == LarsProtocol(
        (0.1, 0.2, 0.3, 0.4, 0.5), 300, 256, 1e-6, falls=False
    )
