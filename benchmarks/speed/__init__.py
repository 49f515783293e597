"""How far each stage is from what the machine can do."""
