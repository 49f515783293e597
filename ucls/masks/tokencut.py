"""TokenCut (Wang et al., CVPR 2022): the foreground by a normalised cut of a ViT's patches."""

from torch import Tensor

from ucls.backbones.families import family_of
from ucls.backbones.local import find_local
from ucls.backbones.names import canonical_name
from ucls.backbones.normalized_cut import cut_patches
from ucls.backbones.patch_keys import PatchKeys
from ucls.backbones.protocol import Backbone
from ucls.backbones.timm_loading import NoWeightsError
from ucls.devices import resolve_device
from ucls.errors import UsageError
from ucls.settings.masks import MasksConfig, TokenCutOptions

DEFAULT_BACKBONE = "dino_vits16"


class TokenCut:
    """TokenCut with a frozen ViT; the features are the keys of its last block, as in the paper.

    Args:
        backbone: with a ViT of timm.
        options: of the method.

    Raises:
        UsageError: if the backbone gives no keys of patches, or takes no square images.
    """

    threshold = 0.5

    def __init__(self, backbone: Backbone, options: TokenCutOptions) -> None:
        size = backbone.spec.image_size
        if not isinstance(size, int):
            raise UsageError(f"masks need a square image size, got {size}: pass one number")
        self._keys, self._tau = PatchKeys(backbone), options.tau
        self.image_size, self.channels = size, backbone.spec.channels
        self.batch_size, self.weights_hash = options.batch_size, backbone.spec.weights_hash

    def __call__(self, pixels: Tensor) -> Tensor:
        """0 or 1 for each patch, float32 [B, h, w], of pixels uint8 [B, channels, S, S]."""
        return cut_patches(self._keys(pixels), tau=self._tau).float().cpu()


def build(config: MasksConfig, options: TokenCutOptions) -> TokenCut:
    """Builds the method with its ViT.

    Raises:
        UsageError: if the backbone or its weights do not fit.
        UclsError: if there are no weights to be had.
    """
    # What lies where a backbone is said to be brings its own weights.
    is_alone = config.backbone is None or config.weights is None
    given = config.backbone or config.weights
    local = find_local(given) if given and is_alone else None
    name = canonical_name(local.name if local else config.backbone or DEFAULT_BACKBONE)
    weights = local.weights if local else config.weights
    family, device = family_of(name), resolve_device(config.device)
    try:
        backbone = family(
            name,
            image_size=options.image_size or family.default_size(name, weights),
            channels=family.default_channels(weights),
            weights=weights,
            device=str(device),
            precision="float16" if device.type == "cuda" else "float32",
        )
    except NoWeightsError as error:
        raise NoWeightsError(
            error.why,
            otherwise="learn a network with ucls pretrain, and give its folder as --backbone to "
            "--method contracam",
        ) from error
    return TokenCut(backbone, options)
