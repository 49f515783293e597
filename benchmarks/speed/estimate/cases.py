"""The sizes that are estimated."""

from dataclasses import dataclass, replace

from benchmarks.speed.growth.sizes import Size


@dataclass(frozen=True)
class Case:
    """A run on paper.

    Attributes:
        title: what it is.
        size: N, C, H and D.
        epochs: of the training, one estimate for each.
        scale: clusters of a head, as a multiple of C; merged down where it is more than 1.
        batch_size: of the training.
        n_smoothing: neighbours that the teacher sees (m).
        k: least neighbours of an image; N / C are the most.
        iterations: of self-training.
    """

    title: str
    size: Size
    epochs: tuple[int, ...] = (100,)
    scale: int = 1
    batch_size: int = 1024
    n_smoothing: int = 1
    k: int = 50
    iterations: int = 12_500

    @property
    def head_clusters(self) -> int:
        """Clusters of a head."""
        return self.scale * self.size.n_clusters

    @property
    def merges(self) -> bool:
        """Whether heads are merged."""
        return self.scale > 1

    @property
    def cap(self) -> int:
        """N / C, the most neighbours of an image, but never less than k."""
        return max(self.k, self.size.n_images // self.size.n_clusters)


IMAGENET = Size(n_images=1_281_167, n_clusters=1000, n_heads=50, n_features=2048)
HUNDRED_MILLION = IMAGENET._replace(n_images=100_000_000)

IMAGENET_CASES = (
    Case("ImageNet-1k, heads as in the thesis", IMAGENET, epochs=(100, 400)),
    # The batch is that which autoconfig takes for 3,000 clusters.
    Case("ImageNet-1k, heads of 3 C clusters, merged", IMAGENET, scale=3, batch_size=2048),
)
UCLS_CASE = replace(
    IMAGENET_CASES[1], title="ImageNet-1k, UCLS's own settings: 3 C clusters, m=4", n_smoothing=4
)
LARGE_CASES = (
    Case("100 million images, C=1,000", HUNDRED_MILLION),
    Case("100 million images, C=10,000", HUNDRED_MILLION._replace(n_clusters=10_000)),
)
