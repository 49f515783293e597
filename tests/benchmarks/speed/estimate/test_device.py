import pytest

from benchmarks.speed.estimate.device import Device, Operation

DEVICE = Device(
    half_tflops=100, half_share=0.5, single_tflops=10, single_share=0.5,
    bandwidth_tb=1, bandwidth_share=0.5,
)  # fmt: skip


@pytest.mark.parametrize(
    ("operation", "seconds", "of_products"),
    [
        (Operation(50e12, 0, is_half=True), 1.0, 1.0),
        (Operation(50e12, 0), 10.0, 10.0),
        (Operation(5e12, 0.1e12), 1.0, 1.0),
        (Operation(5e12, 2e12), 4.0, 1.0),
        (Operation(0, 1e12), 2.0, 0.0),
    ],
)
def test_an_operation_waits_for_the_slower_of_both(operation, seconds, of_products):
    assert DEVICE.seconds([operation]) == pytest.approx(seconds)
    assert DEVICE.seconds_of_products([operation]) == pytest.approx(of_products)


def test_operations_come_one_after_the_other():
    operations = [Operation(5e12, 0), Operation(0, 0.5e12)]
    assert DEVICE.seconds(operations) == pytest.approx(2.0)
