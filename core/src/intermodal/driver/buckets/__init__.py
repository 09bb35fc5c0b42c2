"""Buckets shown as files in containers (bucket.mount)."""
