"""Other ways to cluster the same features, and UCLS in several forms beside them."""
