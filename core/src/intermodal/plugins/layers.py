"""Where configuration comes from: the project's pyproject.toml, the user's file, the environment, the command line."""

from __future__ import annotations

import os
import tomllib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from intermodal.exception import ConfigError

__all__ = ["Layer", "Project", "file_layer", "find_project", "project_layer", "user_config_path"]

PLUGINS_FILE = "intermodal_plugins.py"
#: The variable that names the user's configuration file.
USER_CONFIG = "INTERMODAL_CONFIG_PATH"


@dataclass(frozen=True, slots=True)
class Layer:
    """Values of one source by dotted name. `text`: they are texts that still want parsing by the option's type."""

    origin: str
    values: Mapping[str, Any] = field(default_factory=dict)
    text: bool = False


@dataclass(frozen=True, slots=True)
class Project:
    """The directory whose pyproject.toml configures this run, with the tables under `[tool.intermodal]`."""

    root: Path
    table: Mapping[str, Any]

    @property
    def plugins_file(self) -> Path | None:
        """The project's `intermodal_plugins.py`, where it has one."""
        path = self.root / PLUGINS_FILE
        return path if path.is_file() else None


def find_project(start: Path) -> Project | None:
    """The nearest directory from `start` upward with a pyproject.toml that has `[tool.intermodal]` or
    `intermodal_plugins.py` beside it.

    A file of another user that is neither root nor the owner of `start` is passed over with a warning: in a shared
    directory such as /tmp it would run that user's code as this one.

    Raises:
        ConfigError: a pyproject.toml on the way is not valid TOML.
    """
    start = start.absolute()
    trusted = {0, os.geteuid(), start.stat().st_uid} if start.exists() else {0, os.geteuid()}
    for directory in (start, *start.parents):
        path = directory / "pyproject.toml"
        if not path.is_file():
            continue
        table = _read_toml(path).get("tool", {}).get("intermodal")
        plugins = directory / PLUGINS_FILE
        if table is None and not plugins.is_file():
            continue
        strangers = [p for p in (path, plugins) if p.exists() and p.stat().st_uid not in trusted]
        if strangers:
            warnings.warn(f"{strangers[0]} belongs to another user and is ignored", stacklevel=2)
            continue
        return Project(directory, table or {})
    return None


def project_layer(project: Project | None) -> Layer:
    """The layer of `[tool.intermodal]`."""
    if project is None:
        return Layer("pyproject.toml")
    return Layer(str(project.root / "pyproject.toml"), flatten(project.table))


def user_config_path(environ: Mapping[str, str]) -> tuple[Path, bool]:
    """The user's configuration file, and whether it was named outright (`INTERMODAL_CONFIG_PATH`)."""
    if named := environ.get(USER_CONFIG):
        return Path(named).expanduser().absolute(), True
    base = environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "intermodal" / "config.toml", False


def file_layer(path: Path, *, required: bool) -> Layer:
    """The layer of the user's file; empty where it is absent. Raises `ConfigError` where it cannot be read."""
    if not required and not path.is_file():
        return Layer(str(path))
    return Layer(str(path), flatten(_read_toml(path)))


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables as dotted names. An empty table leaves nothing."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"configuration file {path} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"configuration file {path} is not valid TOML: {error}") from None
