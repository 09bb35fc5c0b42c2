"""Options, configure and unconfigure: each plugin's own turn, in the order of loading, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from intermodal.exception import Error, PluginError
from intermodal.plugins.calls import call_one
from intermodal.plugins.loading import LoadedPlugin
from intermodal.plugins.registry import Registry

__all__ = ["Lifecycle"]


class Lifecycle:
    """Who is configured, so that exactly those are unconfigured, in reverse."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._configured: list[LoadedPlugin] = []

    def turn(self, item: LoadedPlugin, hook: str, arguments: Mapping[str, Any]) -> None:
        """Call one plugin's implementation of a hook, if it has one. Raises `PluginError` where it fails in no way of
        ours.
        """
        implementation = self._registry.implementation(item, hook)
        if implementation is None:
            return
        try:
            call_one(implementation, arguments)
        except Error:
            raise
        except Exception as error:
            raise PluginError(f"{item} failed in {hook}: {type(error).__name__}: {error}") from error

    def configure(self, item: LoadedPlugin, arguments: Mapping[str, Any]) -> None:
        """Configure one plugin."""
        self.turn(item, "intermodal_configure", arguments)
        self._configured.append(item)

    def unconfigure(self, item: LoadedPlugin, arguments: Mapping[str, Any]) -> None:
        """Unconfigure one plugin, once."""
        if item in self._configured:
            self._configured.remove(item)
            self.turn(item, "intermodal_unconfigure", arguments)

    def unconfigure_all(self, arguments: Mapping[str, Any]) -> None:
        """Unconfigure all, the last first; every one gets its turn, then the first failure is raised."""
        failures: list[Exception] = []
        for item in reversed(list(self._configured)):
            try:
                self.unconfigure(item, arguments)
            except Error as error:
                failures.append(error)
        if failures:
            raise failures[0]
