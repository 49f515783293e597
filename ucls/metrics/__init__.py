"""What is measured of clusters, with labels and without."""
