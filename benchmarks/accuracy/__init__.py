"""The accuracy benchmark: the thesis's ten datasets, beside the published figures."""
