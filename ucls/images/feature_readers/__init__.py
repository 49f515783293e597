"""Arrays of features out of the files that other libraries write, one file per format."""
