"""Sandboxes against the engines' own commands: `make bench-sandboxes`."""
