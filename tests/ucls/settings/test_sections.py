from ucls.settings import sections
from ucls.settings.config import Config


def test_no_section_is_made_anew_for_every_check() -> None:
    Config().with_values({"train.epochs": 5})
    before = sections._closed.cache_info().currsize
    for epochs in range(5, 15):
        Config().with_values({"train.epochs": epochs, "ensemble.imbalance": 0.5})
    assert sections._closed.cache_info().currsize == before
