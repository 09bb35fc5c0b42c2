"""Intermodal on container engines: the backends `docker` and `podman`."""
