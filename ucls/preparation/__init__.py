"""Features made ready for cosine similarity: centred, standardised, without what masks the rest."""
