import pytest
import torch

from ucls.backbones.pixels import PixelsBackbone
from ucls.errors import UclsError
from ucls.extraction.batch_size import fitting_batch_size


class SmallGpu(PixelsBackbone):
    """A backbone on a device with room for a number of images."""

    def __init__(self, room):
        super().__init__(image_size=4, channels=3)
        self.device, self.room, self.tried = "cuda:0", room, []

    def encode(self, batch):
        self.tried.append(len(batch))
        assert batch.shape[1:] == (3, 4, 4)
        if len(batch) > self.room:
            raise torch.OutOfMemoryError("full")
        self.device = "cpu"
        tokens = super().encode(batch)
        self.device = "cuda:0"
        return tokens


@pytest.mark.parametrize(("room", "expected"), [(1000, 256), (256, 256), (255, 128), (1, 1)])
def test_the_largest_power_of_two_that_fits(room, expected):
    backbone = SmallGpu(room)
    assert fitting_batch_size(backbone) == expected
    assert backbone.tried[-1] == expected


def test_a_device_without_room_for_one_image():
    with pytest.raises(UclsError, match="does not hold one image of backbone pixels"):
        fitting_batch_size(SmallGpu(0))


def test_on_a_cpu_nothing_has_to_be_tried():
    assert fitting_batch_size(PixelsBackbone(image_size=4, channels=3)) == 32
