"""What a run would take, on paper: how its stages grow, from steps that are measured."""
