"""Images of planted classes, as merging has them."""

from tests.ucls.merging.conftest import plant_classes, split_classes

__all__ = ["plant_classes", "split_classes"]
