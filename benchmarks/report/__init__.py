"""How long it takes to show a run, to sort its files and to serve its pictures."""
