"""What people and other tools call the arrays and columns that files hold."""

PATH = "path"
OTHER_PATHS = (
    "filepath", "file_path", "file_name", "filename", "image", "image_path", "img_path", "file",
)  # fmt: skip
LABELS = ("labels", "label", "y", "targets", "target")
OTHER_LABELS = ("labels", "class", "class_name", "category")
FEATURES = ("features", "embeddings", "X", "x", "feats")
