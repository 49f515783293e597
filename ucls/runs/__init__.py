"""An open run: what it was made of, what of it is up to date, and what its files hold."""
