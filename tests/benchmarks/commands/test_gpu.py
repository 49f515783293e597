import pytest
import torch
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.records import read_record
from benchmarks.speed import gpu
from benchmarks.speed.gpu import Check, GpuRecord
from ucls.errors import UclsError, UsageError


def run(*options):
    return CliRunner().invoke(app, ["gpu", "--quick", *map(str, options)])


@pytest.mark.slow
def test_the_whole_script_runs_on_a_cpu_and_keeps_what_it_found(tmp_path):
    out = tmp_path / "gpu.json"
    done = run("--device", "cpu", "--repeats", 1, "--out", out)
    assert done.exit_code == 0, done.output
    record = read_record(out, GpuRecord)
    assert (record.device, record.backend) == ("cpu", "aot_eager")
    assert record.peak_tflops > 0
    for what in ("loss", "gradients"):
        for precision in ("float32", "bfloat16"):
            for how in ("eager", "compiled"):
                assert f"{what} in {precision}, {how}" in {check.name for check in record.checks}
    assert all(check.is_met for check in record.checks)
    starts = {one.name.split(" of ", 1)[0] for one in record.measurements}
    assert starts == {"2", "epoch", "neighbours", "k-means"}
    assert sum("compiled" in one.name for one in record.measurements) == 5
    # No training is foretold from steps of another size.
    assert "min" not in str([one.facts for one in record.measurements])
    assert "gradients in bfloat16, compiled" in done.output


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_nothing_is_made_up():
    error = run().exception
    assert isinstance(error, UsageError)
    assert "sees 0 CUDA devices" in str(error)


def test_a_failed_check_is_shown_and_named(monkeypatch):
    def found(self, out):
        self.record.checks.append(Check("loss", 0.5, 0.1))
        return self.record

    monkeypatch.setattr(gpu.Script, "run", found)
    done = run("--device", "cpu")
    assert isinstance(done.exception, UclsError)
    assert str(done.exception) == "1 of 1 checks fail: loss"
    assert "FAILS" in done.output
