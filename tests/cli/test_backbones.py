import pytest

from ucls.backbones.names import BACKBONES
from ucls.cli import backbones


def test_every_backbone_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    backbones.command()
    out = capsys.readouterr().out
    for name, info in BACKBONES.items():
        (line,) = [line for line in out.splitlines() if line.startswith(f"{name} ")]
        assert ("(*)" in line) == (not info.is_hosted)
        for value in (info.width, info.patch_size, info.image_size, info.license, info.family):
            assert f" {value}" in line
    for other in ("pixels", "timm/", "--weights FILE"):
        assert other in out
