"""A secret by its name: what a stored app has in place of the values."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SecretName"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretName:
    """A named secret (secret.*); `environment` "" is the one that is configured. `required` are variables that it must
    have."""

    name: str
    environment: str = ""
    required: tuple[str, ...] = ()
