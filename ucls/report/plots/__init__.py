"""Pictures for papers: each module draws one figure from numbers, with matplotlib."""
