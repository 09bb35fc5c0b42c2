"""The role objects of one session: each factory is called once, when its role is first asked for, and each object is
closed once."""

from __future__ import annotations

from typing import Any

from intermodal.plugins.calls import Answer, first_answer, wrappers
from intermodal.plugins.capabilities import Role
from intermodal.plugins.config import Config
from intermodal.plugins.contract import check_role
from intermodal.plugins.registry import Registry

__all__ = ["MadeRoles"]

#: Containers end before what they were made of and what they write to.
_ORDER: tuple[Role, ...] = ("launcher", "builder", "gpus", "storage")


class MadeRoles:
    """Those of the plugins in `registry`."""

    def __init__(self, registry: Registry, config: Config) -> None:
        self._registry, self._config = registry, config
        self._answers: dict[Role, Answer] = {}
        self._open: dict[Role, Any] = {}

    @property
    def any_open(self) -> bool:
        """True where some object was made and is not closed."""
        return bool(self._open)

    def answer(self, role: Role) -> Answer:
        """The object, and who made it. Raises `PluginError` where it does not fit its role."""
        if role not in self._answers:
            hook, manager = f"intermodal_{role}", self._registry.manager
            answer = first_answer(manager, hook, self._config)
            if answer.value is not None:
                involved = [*(impl.plugin_name for impl in reversed(wrappers(manager, hook))), answer.plugin]
                check_role(
                    role, " around ".join(str(self._registry.find(name)) for name in involved if name), answer.value
                )
                self._open[role] = answer.value
            self._answers[role] = answer
        return self._answers[role]

    async def close(self) -> None:
        """Close them all; every one gets its turn, then the first failure is raised. Idempotent."""
        failures: list[Exception] = []
        for role in _ORDER:
            made = self._open.pop(role, None)
            if hasattr(made, "close"):
                try:
                    await made.close()
                except Exception as error:  # noqa: BLE001 - the others are to be closed all the same
                    failures.append(error)
        if failures:
            raise failures[0]
