"""The datasets known by name."""

from ucls.datasets.cifar import CIFAR10, CIFAR20, CIFAR100
from ucls.datasets.digits import DIGITS
from ucls.datasets.food101 import FOOD101
from ucls.datasets.imagenet import IMAGENET, IMAGENET50, IMAGENET100, IMAGENET200
from ucls.datasets.info import DatasetContents, DatasetInfo
from ucls.datasets.mnist import FASHION_MNIST, MNIST
from ucls.datasets.opening import data_directory, open_dataset
from ucls.datasets.stl10 import STL10
from ucls.datasets.tiny_imagenet import TINY_IMAGENET

DATASETS: dict[str, DatasetInfo] = {
    "digits": DIGITS,
    "mnist": MNIST,
    "fashion-mnist": FASHION_MNIST,
    "cifar10": CIFAR10,
    "cifar20": CIFAR20,
    "cifar100": CIFAR100,
    "stl10": STL10,
    "food101": FOOD101,
    "tiny-imagenet": TINY_IMAGENET,
    "imagenet50": IMAGENET50,
    "imagenet100": IMAGENET100,
    "imagenet200": IMAGENET200,
    "imagenet": IMAGENET,
}
"""The datasets known by name."""

__all__ = ["DATASETS", "DatasetContents", "DatasetInfo", "data_directory", "open_dataset"]
