import pytest
import torch

from ucls.devices import fast_precision, resolve_device
from ucls.errors import UsageError


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine on which PyTorch sees two CUDA devices."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    return monkeypatch


@pytest.fixture
def no_cuda(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine on which PyTorch sees none."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    return monkeypatch


@pytest.mark.usefixtures("no_cuda")
def test_without_a_gpu() -> None:
    assert resolve_device("auto") == resolve_device("cpu") == torch.device("cpu")
    for name in ("cuda", "cuda:0"):
        expected = f"device '{name}' was asked for, but PyTorch sees 0 CUDA devices.*--device cpu"
        with pytest.raises(UsageError, match=expected):
            resolve_device(name)


@pytest.mark.usefixtures("cuda")
def test_with_two_gpus() -> None:
    assert resolve_device("auto") == resolve_device("cuda") == torch.device("cuda")
    assert resolve_device("cuda:1") == torch.device("cuda", 1)
    assert resolve_device("cpu") == torch.device("cpu")
    with pytest.raises(UsageError, match="device 'cuda:2' was asked for, but PyTorch sees 2 CUDA"):
        resolve_device("cuda:2")


@pytest.mark.parametrize(
    ("capability", "precision"), [(7, "float32"), (8, "bfloat16"), (9, "bfloat16")]
)
def test_precision_on_a_gpu_is_what_it_multiplies_natively(
    capability: int, precision: str, cuda: pytest.MonkeyPatch
) -> None:
    class Properties:
        major = capability

    cuda.setattr(torch.cuda, "current_device", lambda: 0)
    cuda.setattr(torch.cuda, "get_device_properties", lambda *_: Properties())
    cuda.setattr(torch.cuda, "_check_bf16_tensor_supported", lambda *_: True)
    assert fast_precision(torch.device("cuda")) == precision


@pytest.mark.parametrize("has_avx", [False, True])
@pytest.mark.parametrize("has_amx", [False, True])
def test_precision_on_a_cpu_is_what_it_multiplies_natively(
    has_avx: bool, has_amx: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has_avx)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: has_amx)
    expected = "bfloat16" if has_avx or has_amx else "float32"
    assert fast_precision(torch.device("cpu")) == expected
