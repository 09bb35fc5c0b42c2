"""Intermodal's local backend: daemonless, rootless containers from Linux namespaces."""
