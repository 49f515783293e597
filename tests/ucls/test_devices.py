import pytest
import torch

from ucls import ranks
from ucls.devices import fast_precision, resolve_device, threads_for
from ucls.errors import UsageError

BF16 = "bfloat16"


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


@pytest.mark.parametrize("is_shared", [False, True])
def test_each_process_of_a_job_has_its_own_gpu(cuda: pytest.MonkeyPatch, is_shared: bool) -> None:
    cuda.setattr(ranks._Job, "store", object())
    cuda.setattr(ranks._Job, "is_shared", is_shared)
    cuda.setattr(torch.cuda, "current_device", lambda: 0)
    cuda.setenv("LOCAL_WORLD_SIZE", "2")
    for name in ("auto", "cuda", "cuda:1"):
        assert resolve_device(name) == torch.device("cuda", 0)
    cuda.setenv("LOCAL_WORLD_SIZE", "3")
    expected = "3 processes .* with 2 CUDA devices.*--nproc-per-node 2 to torchrun, or --device cpu"
    with pytest.raises(UsageError, match=expected):
        resolve_device("auto")
    assert resolve_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize(("capability", "precision"), [(7, "float32"), (8, BF16), (9, BF16)])
def test_precision_on_a_gpu_is_what_it_multiplies_natively(
    capability: int, precision: str, cuda: pytest.MonkeyPatch
) -> None:
    class Properties:
        major = capability

    cuda.setattr(torch.cuda, "current_device", lambda: 0)
    cuda.setattr(torch.cuda, "get_device_properties", lambda *_: Properties())
    cuda.setattr(torch.cuda, "_check_bf16_tensor_supported", lambda *_: True)
    assert fast_precision(torch.device("cuda")) == precision


@pytest.mark.parametrize(("has_amx", "precision"), [(False, "float32"), (True, BF16)])
def test_precision_on_a_cpu_depends_on_what_it_is_alone(
    has_amx: bool, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: has_amx)
    assert fast_precision(torch.device("cpu")) == precision


@pytest.mark.parametrize(("n_entries", "n_threads"), [(1, 1), (2**17, 2), (2**30, 4)])
def test_threads_grow_with_what_they_share(n_entries: int, n_threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        with threads_for(n_entries):
            assert torch.get_num_threads() == n_threads
        assert torch.get_num_threads() == 4
        with pytest.raises(RuntimeError), threads_for(n_entries):
            raise RuntimeError
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)
