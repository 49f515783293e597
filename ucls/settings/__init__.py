"""What can be set, how it is checked, and what is chosen where it is left open."""
