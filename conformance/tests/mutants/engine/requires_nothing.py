"""`Secret.from_name(required_keys=...)` looks for the secret only, not for its keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from intermodal.definitions import secrets
from mutants.planting import instead_of


@instead_of("read_named", secrets)
def read_named(
    original: Callable[..., dict[str, str]], name: str, environment_name: str | None, required: Sequence[str]
) -> dict[str, str]:
    return original(name, environment_name, ())
