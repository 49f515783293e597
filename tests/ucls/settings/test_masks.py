import pytest

from ucls.errors import UsageError
from ucls.settings.masks import read_masks_config


def test_options_of_the_method_are_told_apart() -> None:
    config = read_masks_config({"method": "contracam", "iterations": 2, "backbone": "runs/a"})
    assert config.options == {"iterations": 2, "threshold": 0.5, "batch_size": 256}
    assert read_masks_config({}).options == {"image_size": None, "tau": 0.2, "batch_size": 32}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"method": "lost"},
            r"method: .*'tokencut' or 'contracam', but it is 'lost'",
        ),
        ({"iterations": 3}, r"iterations: no such setting"),
        ({"tau": 3, "worker": 1}, r"worker: no such setting; did you mean workers\?; tau: .* is 3"),
    ],
)
def test_all_that_is_wrong_is_told(values: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_masks_config(values)
