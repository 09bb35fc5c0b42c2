"""`LocalEntrypoint`: the function of a file that runs on the caller's side."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from intermodal.definitions.app import App

__all__ = ["LocalEntrypoint"]


class LocalEntrypoint:
    """What `@app.local_entrypoint()` makes. Calling it calls the function, here."""

    def __init__(self, function: Callable[..., Any], app: App, name: str | None) -> None:
        self.raw = function
        self.app = app
        self.name = name or function.__name__
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.raw(*args, **kwargs)

    def __repr__(self) -> str:
        return f"LocalEntrypoint({self.name!r})"

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return LocalEntrypoint, (self.raw, self.app, self.name)
