"""Small translations that both engines need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

__all__ = ["label_filters", "seconds", "split_reference", "variables"]


def label_filters(labels: Mapping[str, str]) -> list[str]:
    """As the engines' filters spell them: an empty value stands for any."""
    return [f"{name}={value}" if value else name for name, value in labels.items()]


def seconds(text: str) -> float:
    """Unix seconds of a time such as "2024-05-01T10:00:00.123456789Z"."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).timestamp()


def split_reference(reference: str) -> tuple[str, str]:
    """Repository and tag (or digest) of a reference; "latest" where it names none."""
    if "@" in reference:
        repository, _, digest = reference.partition("@")
        return repository, digest
    head, slash, last = reference.rpartition("/")
    name, _, tag = last.partition(":")
    return f"{head}{slash}{name}", tag or "latest"


def variables(entries: Iterable[str] | None) -> dict[str, str]:
    """An environment as engines list it, "NAME=value"."""
    return {name: value for name, _, value in (entry.partition("=") for entry in entries or ())}
