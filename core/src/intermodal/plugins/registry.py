"""The registered plugins of a session: pluggy's manager, plus who each plugin is and whether its hooks make sense."""

from __future__ import annotations

import types
from typing import Any

import pluggy

from intermodal.exception import PluginError
from intermodal.plugins import hookspecs
from intermodal.plugins.calls import implementations, wrappers
from intermodal.plugins.contract import ROLE_PROTOCOLS
from intermodal.plugins.loading import LoadedPlugin
from intermodal.plugins.options import nearest

__all__ = ["Registry"]

#: Hooks that a wrapper may go around. For the others each implementation stands for itself.
WRAPPABLE = frozenset(
    {*(f"intermodal_{role}" for role in ROLE_PROTOCOLS), "intermodal_capabilities", "intermodal_modify_container_spec"}
)

#: Every hook that exists.
HOOKS = frozenset(name for name in vars(hookspecs) if name.startswith("intermodal_"))


class Registry:
    """Plugins in the order of registration; in a hook the last registered is called first."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(hookspecs.PROJECT_NAME)
        self.manager.add_hookspecs(hookspecs)
        self.plugins: list[LoadedPlugin] = []

    def register(self, item: LoadedPlugin) -> None:
        """Add a plugin. Raises `PluginError` where one of its hooks is unknown, takes unknown arguments, or must not
        be a wrapper.
        """
        _check_marked(item)
        try:
            self.manager.register(item.plugin, item.id)
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError(f"{item} cannot be registered: {error}") from error
        self.plugins.append(item)
        self._check_hooks(item)

    def unregister(self, item: LoadedPlugin) -> None:
        """Take a plugin out again."""
        self.manager.unregister(item.plugin)
        self.plugins.remove(item)

    def find(self, plugin_id: str | None) -> LoadedPlugin | None:
        """The registered plugin with that id."""
        return next((item for item in self.plugins if item.id == plugin_id), None)

    def hooks_of(self, item: LoadedPlugin) -> list[str]:
        """The names of the hooks that a plugin implements, sorted."""
        return sorted(caller.name for caller in self.manager.get_hookcallers(item.plugin) or ())

    def implementation(self, item: LoadedPlugin, hook: str) -> pluggy.HookImpl | None:
        """The plugin's plain implementation of `hook`."""
        return next((impl for impl in implementations(self.manager, hook) if impl.plugin_name == item.id), None)

    def _check_hooks(self, item: LoadedPlugin) -> None:
        for caller in self.manager.get_hookcallers(item.plugin) or ():
            mine = [impl for impl in caller.get_hookimpls() if impl.plugin is item.plugin]
            if not caller.has_spec() and not all(impl.optionalhook for impl in mine):
                raise PluginError(f"{item} implements {caller.name!r}, which is no hook{nearest(caller.name, HOOKS)}")
            if (
                caller.has_spec()
                and caller.name not in WRAPPABLE
                and set(mine) & set(wrappers(self.manager, caller.name))
            ):
                raise PluginError(
                    f"{item} wraps {caller.name}, which cannot be wrapped: only {', '.join(sorted(WRAPPABLE))} can"
                )


def _check_marked(item: LoadedPlugin) -> None:
    """A function named like a hook but without `@hookimpl` would be passed over in silence."""
    for name, value in vars(item.plugin).items() if isinstance(item.plugin, types.ModuleType) else ():
        if name in HOOKS and isinstance(value, types.FunctionType) and not _is_marked(value):
            raise PluginError(f"{item} defines {name} without marking it: put @intermodal.plugins.hookimpl above it")


def _is_marked(function: Any) -> bool:
    return hasattr(function, f"{hookspecs.PROJECT_NAME}_impl")
