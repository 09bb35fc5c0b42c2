"""The engines: each in terms of its own client package."""
