"""Containers of real engines against the engine's own command, and against local ones."""
