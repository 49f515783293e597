"""Networks of many independent clustering heads, as batched products.

Each maps features to logits [H, B, C1 + C2 + ...]: H heads, each with one classifier per size.
"""
