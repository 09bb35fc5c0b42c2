"""What to do about an image that could not be pulled, from what the engine said of it."""

from __future__ import annotations

import re

from intermodal_docker.engines.records import registry_of
from intermodal_docker.images.options import ImageOptions

__all__ = ["pull_advice"]

_LOGIN = r"unauthorized|no basic auth credentials|authentication required|denied|forbidden|incorrect user"
_UNKNOWN = r"manifest unknown|name unknown|not found"
_UNREACHABLE = r"connection refused|no such host|no route to host|unreachable|timeout|timed out|deadline exceeded"


def pull_advice(error: str, reference: str, options: ImageOptions, *, logged_in: bool) -> str:
    """The fix, in a sentence.

    Args:
        error: the engine's words.
        logged_in: a user and a password from `secret=` went along.
    """

    def says(pattern: str) -> bool:
        return re.search(pattern, error, re.I) is not None

    backend, registry = options.backend, registry_of(reference)
    where = registry or "Docker Hub"
    if says("HTTP response to HTTPS client"):
        return f"{where} speaks plain HTTP, which {backend} has to be told: {_PLAIN[backend].format(registry)}"
    if says("x509|certificate"):
        place = f"{_CERTS[backend]}/{where}/ca.crt"
        return f"{backend} does not trust the certificate of {where}: put that of its authority into {place}"
    if says(_LOGIN) and logged_in:
        return f"{where} refused the user and the password of secret=, or has no such image for them: check both"
    if says(_LOGIN):
        command = f"{backend} login {registry}".rstrip()
        return (
            f"{where} wants a log-in for this image, or has no such image: `{command}`, or give from_registry() "
            "a secret= with REGISTRY_USERNAME and REGISTRY_PASSWORD"
        )
    if says(_UNKNOWN):
        return f"{where} has no {reference}: check its name and tag"
    if says(_UNREACHABLE):
        return f"{where} could not be reached: {_instead(options, registry)}"
    return f"{backend} has no {reference} and could not pull it"


_PLAIN = {
    "docker": '"insecure-registries": ["{}"] in /etc/docker/daemon.json, then restart docker',
    "podman": '[[registry]], location = "{}", insecure = true in a file of /etc/containers/registries.conf.d',
}
_CERTS = {"docker": "/etc/docker/certs.d", "podman": "/etc/containers/certs.d"}


def _instead(options: ImageOptions, registry: str) -> str:
    if registry:
        return "check the address, and that the engine's machine gets there"
    return f"{options.backend}.registry_mirror names a place where images of Docker Hub come from instead"
