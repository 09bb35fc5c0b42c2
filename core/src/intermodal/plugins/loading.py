"""Which plugins a session gets, and importing them: installed ones, named ones, the project's own file."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from intermodal.exception import PluginError
from intermodal.plugins.config import Config
from intermodal.plugins.discovery import (
    BACKENDS,
    KNOWN_BACKENDS,
    PLUGINS,
    Installed,
    find_backend,
    installed,
    load_entry_point,
    only_claimant,
)
from intermodal.plugins.options import nearest

__all__ = ["LoadedPlugin", "Selection", "known_sections", "load_backend", "load_plugins"]

PROJECT_PLUGIN = "intermodal_plugins"


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """One plugin. `source` is the distribution, file or module it came from; `kind` how it got here."""

    name: str
    kind: Literal["built-in plugin", "backend", "plugin", "plugin module", "project plugin"]
    source: str
    plugin: Any

    @property
    def id(self) -> str:
        """Unique among what is loaded: a backend and a plugin may share a name."""
        return f"backend:{self.name}" if self.kind == "backend" else self.name

    def __str__(self) -> str:
        return f"the {self.kind} {self.name!r} of {self.source}"


class Selection:
    """What `plugins` in the configuration asks for: names, and `no:NAME` to keep one out. The last word on a name
    wins.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.wanted: list[str] = []
        self.blocked: list[str] = []
        for name in names:
            bare = name.removeprefix("no:")
            for group in (self.wanted, self.blocked):
                if bare in group:
                    group.remove(bare)
            (self.blocked if name != bare else self.wanted).append(bare)


def load_backend(config: Config) -> LoadedPlugin:
    """Import the chosen backend. Raises `BackendNotFoundError` or `PluginError`."""
    item = find_backend(config.backend, config.origin("backend"))
    plugin = load_entry_point("backend", item, "Reinstall it, or choose another with --backend NAME")
    return LoadedPlugin(item.name, "backend", item.distribution, plugin)


def load_plugins(config: Config, built_in: Iterable[str]) -> Iterator[LoadedPlugin]:
    """Import every plugin but the backend and the built-in ones, in the order in which to register them.

    Raises:
        PluginError: a name that nothing provides, two claimants, or a failing import.
    """
    selection = Selection(config.get("plugins"))
    found = installed(PLUGINS)
    autoload = not config.get("disable_plugin_autoload")
    for name in sorted({item.name for item in found}):
        if name in selection.wanted or (autoload and name not in selection.blocked):
            yield _load_installed(only_claimant("plugin", [item for item in found if item.name == name]))
    taken = {item.name for item in found} | set(built_in)
    for name in selection.wanted:
        if name not in taken:
            yield _load_module(name, taken, config.origin("plugins"))
    file = config.project.plugins_file if config.project else None
    if file is not None and PROJECT_PLUGIN not in selection.blocked:
        yield _load_file(file)


def known_sections() -> set[str]:
    """Sections of configuration that belong to what is installed, whether loaded or not, or to a backend that could
    be: one file may serve several machines.
    """
    found = {item.name for group in (BACKENDS, PLUGINS) for item in installed(group)}
    return {name.replace("-", "_") for name in found | set(KNOWN_BACKENDS)}


def _load_installed(item: Installed) -> LoadedPlugin:
    remedy = f"Keep it out with -p no:{item.name}, or reinstall it"
    return LoadedPlugin(item.name, "plugin", item.distribution, load_entry_point("plugin", item, remedy))


def _load_module(name: str, known: Iterable[str], origin: str) -> LoadedPlugin:
    try:
        module = importlib.import_module(name)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name and (name + ".").startswith(error.name + "."):
            names = ", ".join(sorted(known)) or "none"
            raise PluginError(
                f"there is no plugin {name!r} (from {origin}): neither an installed plugin nor an importable module "
                f"has that name{nearest(name, known)}. Installed: {names}"
            ) from None
        raise PluginError(
            f"the plugin module {name!r} (from {origin}) could not be imported: {_cause(error)}"
        ) from error
    return LoadedPlugin(name, "plugin module", getattr(module, "__file__", None) or name, module)


def _load_file(path: Path) -> LoadedPlugin:
    spec = importlib.util.spec_from_file_location(PROJECT_PLUGIN, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[PROJECT_PLUGIN] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[PROJECT_PLUGIN]
        raise PluginError(
            f"the project's plugins in {path} could not be imported: {_cause(error)}. "
            f"Mend it, or keep it out with -p no:{PROJECT_PLUGIN}"
        ) from error
    return LoadedPlugin(PROJECT_PLUGIN, "project plugin", str(path), module)


def _cause(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
