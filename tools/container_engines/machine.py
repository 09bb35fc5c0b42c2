"""What this machine's pip, and its proxies, are set to: builds and containers need the same."""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["ca_bundle", "variables"]

#: The keys of pip.conf that say where packages are. Paths of this machine are none of a container's.
_PLACES = ("index-url", "extra-index-url", "trusted-host")
_CA_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_UV = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_HERE = ("localhost", "127.0.0.1", "::1")


def ca_bundle(environ: Mapping[str, str]) -> str | None:
    """The certificates that this machine's programs are told to trust; None: they have no such setting."""
    told = [environ.get(_CA_VARIABLES[0]), *_pip(environ, "cert"), *map(environ.get, _CA_VARIABLES[1:])]
    return next((path for path in told if path and Path(path).is_file()), None)


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that carry indexes and proxies into a container."""
    found = {}
    for key in _PLACES:
        name = f"PIP_{key.replace('-', '_').upper()}"
        value = environ.get(name) or next(_pip(environ, key), "")
        if value:
            found[name] = " ".join(value.split())
    found |= {name: environ[name] for name in _UV if environ.get(name)}
    for name in _PROXIES:
        value = environ.get(name) or environ.get(name.lower()) or ""
        # A proxy on loopback is not there in a container.
        if value and not (name != "NO_PROXY" and urlsplit(value).hostname in _HERE):
            found[name] = value
    return found


def _pip(environ: Mapping[str, str], key: str) -> Iterator[str]:
    """Values in pip's own files, the strongest first."""
    home = Path(environ.get("HOME") or Path.home())
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    own = [Path(environ["PIP_CONFIG_FILE"])] if environ.get("PIP_CONFIG_FILE") not in (None, "", os.devnull) else []
    for path in (*own, config / "pip/pip.conf", home / ".pip/pip.conf", Path("/etc/pip.conf")):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path)
        except (configparser.Error, OSError):
            continue  # pip itself will complain
        for section in ("install", "global"):
            if parser.has_option(section, key):
                yield parser.get(section, key)
