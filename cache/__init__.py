"""Everything UCLS keeps on disk: feature caches, neighbour graphs, run folders."""
