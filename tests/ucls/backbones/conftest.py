"""Small models of transformers with random weights, and what it computes with them."""

import pytest
import torch
import transformers

SMALL = {
    "hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 128,
    "image_size": 32, "patch_size": 8,
}  # fmt: skip
RATIO = {key: value for key, value in SMALL.items() if key != "intermediate_size"}
TEXT = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
    "vocab_size": 9, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2,
}  # fmt: skip


@torch.no_grad()
def randomise(model):
    """Numbers in place of zeros and ones, so that no tensor may be left out."""
    for name, parameter in model.named_parameters():
        is_scale = name.endswith("weight") and parameter.ndim == 1
        parameter.copy_(torch.randn_like(parameter) * 0.05 + is_scale)
    return model.eval()


@pytest.fixture
def hub_model():
    """Builds a small model of transformers, such as ``ViT``; a model with text has its tower."""

    def build(library, seed=0, **options):
        torch.manual_seed(seed)
        if library == "DINOv3ConvNext":
            options = {"hidden_sizes": [16, 24, 32, 48], "depths": [1, 2, 1, 1]} | options
        elif library in ("CLIP", "Siglip"):
            options = {"vision_config": SMALL | options, "text_config": TEXT}
        else:
            options = (RATIO if library.startswith("Dinov2") else SMALL) | options
        config = library.removesuffix("Model")
        config = getattr(transformers, f"{config}Config")(**options)
        return randomise(getattr(transformers, f"{library}Model")(config))

    return build


@pytest.fixture
def hub_tokens():
    """What transformers computes: the image's vector [B, D], the mean patch token or None."""

    @torch.no_grad()
    def compute(model, images):
        tower = getattr(model, "vision_model", model)
        output = tower(pixel_values=images)
        kind, tokens = tower.config.model_type, output.last_hidden_state
        if kind == "dinov3_convnext":
            return output.pooler_output, None
        if kind == "ijepa":
            return tokens.mean(dim=1), None
        if kind == "siglip_vision_model":
            return output.pooler_output, tokens.mean(dim=1)
        if kind == "clip_vision_model":
            tokens = tower.post_layernorm(tokens)
        n_prefix = 1 + getattr(tower.config, "num_register_tokens", 0)
        return tokens[:, 0], tokens[:, n_prefix:].mean(dim=1)

    return compute
