"""Images: what a definition becomes in an engine's own store."""
