"""All that settings may be fitted to."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from ucls.types import Effort


class DataFacts(BaseModel):
    """All that settings may be fitted to; labels are not among it."""

    model_config = ConfigDict(frozen=True)

    n_images: int
    """N, training images."""
    n_features: int
    """D, width of the chosen features."""
    n_spaces: int = 1
    """Feature spaces that lie side by side in them."""
    n_clusters: int
    """C."""
    backbone: str
    effort: Effort = "normal"
    """Where none is asked for."""
    device: Literal["cpu", "cuda"]
    fast_precision: Literal["float32", "bfloat16"]
    """The precision whose matrix products are native on the device."""
