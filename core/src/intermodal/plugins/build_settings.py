"""What of the user's own set-up a build may see and a container never does: package indexes, certificates, proxies.

Public to authors of backends, as names of `intermodal.plugins.building`.
"""

from __future__ import annotations

import configparser
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["BuildSettings", "read_settings"]

_FILE = "file://"
_PREFIXES = ("PIP_", "UV_")
_NAMES = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    *(f"{kind}_proxy" for kind in ("http", "https", "all", "no")),
    *(f"{kind}_PROXY" for kind in ("HTTP", "HTTPS", "ALL", "NO")),
)
#: These say where things of the host are, or what the host's own uv should do; a build has its own.
_NOT_FOR_BUILDS = {
    "PIP_CACHE_DIR",
    "PIP_PREFIX",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_TARGET",
    "PIP_USER",
    "UV_CACHE_DIR",
    "UV_LINK_MODE",
    "UV_PROJECT",
    "UV_PROJECT_ENVIRONMENT",
    "UV_PYTHON",
    "UV_RUN_RECURSION_DEPTH",
    "UV_SYSTEM_PYTHON",
    "UV_WORKING_DIRECTORY",
    "UV_WORKING_DIR",
}
#: Part of the root of containers that share the host's userland, at the same place.
_SHARED = ("/usr/", "/etc/ssl/")


@dataclass(slots=True)
class BuildSettings:
    """Environment for build steps, and the host's files and directories that its values name: target → source."""

    env: dict[str, str] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)


def read_settings(
    place: str | None,
    environ: Mapping[str, str] | None = None,
    home: Path | None = None,
    etc: Path = Path("/etc"),
    *,
    visible: tuple[str, ...] = _SHARED,
) -> BuildSettings:
    """Collect the settings of this user and host.

    Args:
        place: absolute directory inside where `files` will be shown; paths in values are changed to it. None: the
            build sees the host as it is.
        environ, home, etc: where settings are looked for.
        visible: beginnings of paths that are the same inside as on this host; () for an image with its own userland.
    """
    environ, home = os.environ if environ is None else environ, home or Path.home()
    raw = {
        name: value
        for name, value in environ.items()
        if (name.startswith(_PREFIXES) or name in _NAMES) and name not in _NOT_FOR_BUILDS
    }
    pip = _pip_files(environ, home, etc)
    uv = _uv_files(environ, home, etc)
    settings = BuildSettings()
    _translate_pip(raw, _pip_options(pip, environ), uv_has_index=_names_an_index(uv))
    if uv and "UV_CONFIG_FILE" not in raw:
        raw["UV_CONFIG_FILE"] = str(uv[-1])
    if pip and "PIP_CONFIG_FILE" not in raw:
        raw["PIP_CONFIG_FILE"] = str(pip[-1])
    for name, value in raw.items():
        settings.env[name] = "".join(
            _moved(word, place, settings.files, visible) for word in re.split(r"([ ,])", value)
        )
    netrc = Path(environ.get("NETRC") or home / ".netrc")
    if netrc.is_file():
        settings.env["NETRC"] = _moved(str(netrc), place, settings.files, visible)
    return settings


def _moved(value: str, place: str | None, files: dict[str, Path], visible: tuple[str, ...]) -> str:
    """`value`, or where it will be seen inside when it is the absolute path, or `file://` address, of something that
    only the host has."""
    path = value.removeprefix(_FILE)
    if place is None or not path.startswith("/") or path.startswith(visible) or not os.path.exists(path):
        return value
    target = f"{place}/{len(files)}-{os.path.basename(path.rstrip('/'))}"
    files[target] = Path(path)
    return target if path == value else f"{_FILE}{target}"


def _pip_files(environ: Mapping[str, str], home: Path, etc: Path) -> list[Path]:
    """pip's configuration files, the weakest first."""
    config_home = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    candidates = [etc / "pip.conf", home / ".pip/pip.conf", config_home / "pip/pip.conf"]
    return [path for path in (*candidates, *([Path(named)] if named else [])) if os.access(path, os.R_OK)]


def _uv_files(environ: Mapping[str, str], home: Path, etc: Path) -> list[Path]:
    """uv's configuration files, the weakest first."""
    named = environ.get("UV_CONFIG_FILE")
    if named:
        return [Path(named)]
    config_home = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return [path for path in (etc / "uv/uv.toml", config_home / "uv/uv.toml") if os.access(path, os.R_OK)]


def _pip_options(files: Iterable[Path], environ: Mapping[str, str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for path in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(path)
        except configparser.Error:
            continue  # pip itself would refuse it; an image does not fail for it
        for section in ("global", "install"):
            if parser.has_section(section):
                options.update((name.replace("_", "-"), value) for name, value in parser.items(section))
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            options[name[4:].lower().replace("_", "-")] = value
    return options


def _names_an_index(files: Iterable[Path]) -> bool:
    for path in files:
        try:
            table: dict[str, Any] = tomllib.loads(path.read_text())
        except (OSError, tomllib.TOMLDecodeError):
            continue
        for part in (table, table.get("pip", {})):
            if {"index", "index-url", "extra-index-url", "no-index"} & set(part):
                return True
    return False


def _translate_pip(env: dict[str, str], pip: Mapping[str, str], *, uv_has_index: bool) -> None:
    """Tell uv what pip was told, where uv was told nothing itself. uv reads no configuration of pip."""
    own_index = uv_has_index or {"UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL"} & set(env)
    if not own_index:
        if pip.get("index-url"):
            env["UV_DEFAULT_INDEX"] = pip["index-url"].strip()
        if pip.get("extra-index-url"):
            env["UV_INDEX"] = " ".join(pip["extra-index-url"].split())
            env.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")  # as pip does
        if pip.get("no-index", "").lower() in ("1", "true", "yes", "on"):
            env.setdefault("UV_NO_INDEX", "1")
    for name, variable, between in (("find-links", "UV_FIND_LINKS", ","), ("trusted-host", "UV_INSECURE_HOST", " ")):
        if pip.get(name):
            env.setdefault(variable, between.join(pip[name].split()))
    if pip.get("cert"):
        env.setdefault("SSL_CERT_FILE", pip["cert"].strip())
        env.setdefault(
            "PIP_CERT", pip["cert"].strip()
        )  # else pip would look where its file says, which may not be inside
