"""Calling hooks where it matters whose implementation answered, or failed: pluggy alone does not tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pluggy

from intermodal.plugins.config import Config

__all__ = ["Answer", "call_one", "first_answer", "implementations", "wrapped", "wrappers"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A value, and the plugin that gave it; None where nobody did (wrappers may have made a value all the same)."""

    plugin: str | None
    value: Any


def implementations(manager: pluggy.PluginManager, hook: str) -> list[pluggy.HookImpl]:
    """The plain implementations of `hook`, wrappers apart, in the order in which they are called."""
    caller: pluggy.HookCaller = getattr(manager.hook, hook)
    return [impl for impl in reversed(caller.get_hookimpls()) if not _wraps(impl)]


def wrappers(manager: pluggy.PluginManager, hook: str) -> list[pluggy.HookImpl]:
    """The wrappers of `hook`."""
    caller: pluggy.HookCaller = getattr(manager.hook, hook)
    return [impl for impl in caller.get_hookimpls() if _wraps(impl)]


def call_one(implementation: pluggy.HookImpl, arguments: Mapping[str, Any]) -> Any:
    """Call one implementation with those of `arguments` that it takes."""
    return implementation.function(*(arguments[name] for name in implementation.argnames))


def first_answer(manager: pluggy.PluginManager, hook: str, config: Config) -> Answer:
    """The first value that is not None, with all wrappers of the hook around it."""
    for implementation in implementations(manager, hook):
        value = call_one(implementation, {"config": config})
        if value is not None:
            return Answer(implementation.plugin_name, wrapped(manager, hook, config, value))
    return Answer(None, wrapped(manager, hook, config, None))


def wrapped(manager: pluggy.PluginManager, hook: str, config: Config, value: Any) -> Any:
    """What the hook's wrappers make of `value`, by pluggy's own rules."""
    if not wrappers(manager, hook):
        return value
    plain = [impl.plugin for impl in implementations(manager, hook)]
    caller = manager.subset_hook_caller(hook, plain)
    return caller.call_extra([lambda config: value], {"config": config})


def _wraps(implementation: pluggy.HookImpl) -> bool:
    return implementation.wrapper or implementation.hookwrapper
