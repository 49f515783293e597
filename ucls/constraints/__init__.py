"""What is known of some images, and what follows for the others."""
