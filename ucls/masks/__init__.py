"""What is the foreground of images: masks, and the methods that find them without labels."""
