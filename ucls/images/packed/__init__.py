"""Images that lie inside of other files, read from there without unpacking."""
