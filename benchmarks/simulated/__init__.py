"""Features that are made up, with the geometry of DINOv2 ViT-L/14 on ImageNet-100."""
