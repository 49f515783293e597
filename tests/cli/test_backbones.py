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


def test_names_stay_whole_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a terminal
    monkeypatch.setenv("COLUMNS", "60")
    backbones.command()
    lines = [line for line in capsys.readouterr().out.splitlines() if "│" in line]
    assert [line.split()[0] for line in lines] == list(BACKBONES)
    for line, info in zip(lines, BACKBONES.values(), strict=True):
        assert len(line) <= 60
        assert str(info.width) in line
        assert info.license in line
