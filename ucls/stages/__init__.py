"""The stages of the pipeline, one file each: files in, files out."""
