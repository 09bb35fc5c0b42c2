"""Parts of core whose dependencies are extras of the distribution."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from intermodal.exception import ConfigError

__all__ = ["needing"]


@contextlib.contextmanager
def needing(extra: str, what: str) -> Iterator[None]:
    """Around imports of such a part: what is not installed is a `ConfigError` that says how to get it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "intermodal":
            raise
        raise ConfigError(
            f"{what} needs the extra {extra} ({error.name} is not installed): pip install 'intermodal[{extra}]'"
        ) from None
