"""From files on disk to pictures and to arrays of features."""
