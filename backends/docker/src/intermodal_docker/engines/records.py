"""Small translations that both engines need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

__all__ = ["exec_request", "label_filters", "on_docker_hub", "registry_of", "seconds", "split_reference", "variables"]

_DOCKER_HUB = "docker.io"


def label_filters(labels: Mapping[str, str]) -> list[str]:
    """As the engines' filters spell them: an empty value stands for any."""
    return [f"{name}={value}" if value else name for name, value in labels.items()]


def seconds(text: str | None) -> float:
    """Unix seconds of a time such as "2024-05-01T10:00:00.123456789Z"; 0 where an image does not tell."""
    if not text:
        return 0.0
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).timestamp()


def registry_of(reference: str) -> str:
    """The host, and port, that a reference names; "" where it names none, which is Docker Hub."""
    head, slash, _ = reference.partition("/")
    return head if slash and (set(".:") & set(head) or head == "localhost") else ""


def on_docker_hub(reference: str) -> str:
    """A reference without a registry, spelled out: "docker.io/library/debian:12"."""
    return f"{_DOCKER_HUB}/{reference if '/' in reference else f'library/{reference}'}"


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


def exec_request(
    argv: Sequence[str],
    env: Iterable[tuple[str, str]],
    workdir: str | None,
    user: str,
    *,
    stdin: bool,
    tty: bool,
) -> dict[str, Any]:
    """What is to be executed in a container. Both engines' interfaces have it so."""
    return {
        "AttachStdin": stdin,
        "AttachStdout": True,
        "AttachStderr": True,
        "Tty": tty,
        "Cmd": list(argv),
        "Env": [f"{name}={value}" for name, value in env],
        "WorkingDir": workdir or "",
        "User": user,
    }
