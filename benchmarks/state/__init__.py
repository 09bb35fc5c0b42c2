"""Queues and dicts against Redis: `make bench-state`."""
