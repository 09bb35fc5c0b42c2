"""The backend under test, as tests see it."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from intermodal.plugins import Capabilities, Config, PluginHost, load, set_command_line
from intermodal_conformance.buckets import Bucket
from intermodal_conformance.deviations import UsageError
from intermodal_conformance.profiles import Profile
from intermodal_conformance.witness import Witness, witness

__all__ = ["NEVER_S", "BackendDied", "Hung", "Target", "capabilities_of", "check_alive", "choose", "opened"]

#: How the suite's own plugin of intermodal is named to the host.
WITNESS = "intermodal_conformance.witness"
#: Containers of the suite commit when programs say so, and when they end.
NEVER_S = "1e9"
#: Seconds that a small call may take before the backend counts as dead.
ALIVE_S = 30.0


class BackendDied(BaseException):
    """The backend is gone; no further test can say anything. No `Exception`, so that hypothesis stops at once."""


class Hung(BaseException):
    """A test did not end in time."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What tests get. `notes` say why a capability is missing, or within what bounds it is there. `choice` is what a
    program of its own gives to `set_command_line`, as JSON, to use the same backend and plugins. `bucket` is one
    of a real S3 server, where the backend mounts buckets and there is a server."""

    backend: str
    choice: str
    supported: frozenset[str]
    notes: dict[str, str]
    profile: Profile
    seed: int | None
    data_dir: Path
    bucket: Bucket | None = None
    witness: Witness = field(default=witness)


def choose(backend: str, plugins: str, commit_s: str = NEVER_S) -> str:
    """Every app and plugin host of this process uses this backend, with the suite's witness beside it.

    Returns:
        `Target.choice`.
    """
    words = {"backend": backend, "plugins": ",".join(filter(None, (WITNESS, plugins))), "volume_commit_s": commit_s}
    set_command_line(words)
    return json.dumps({"backend": backend, "plugins": plugins})


@contextlib.contextmanager
def committing_every(seconds: float, target: Target) -> Iterator[None]:
    """Containers of apps that are run within it commit so often by themselves."""
    chosen = json.loads(target.choice)
    choose(**chosen, commit_s=str(seconds))
    try:
        yield
    finally:
        choose(**chosen)


@contextlib.contextmanager
def opened() -> Iterator[PluginHost]:
    """A plugin host of the backend under test, for tests of its roles."""
    host = load(Config.load())
    try:
        yield host
    finally:
        host.close()


def check_alive() -> None:
    """A small call still has its value. Raises `BackendDied` where it has not: nothing more can be tested then."""
    from intermodal_conformance.apps.calls import echo

    try:
        value = echo.spawn(1).get(timeout=ALIVE_S)
    except Exception as error:
        raise BackendDied(f"not even a small call works any more: {type(error).__name__}: {error}") from error
    if value != 1:
        raise BackendDied(f"a small call that should give 1 gives {value!r}")


def capabilities_of(host: PluginHost, known: frozenset[str]) -> Capabilities:
    """What the backend says about every known capability.

    Raises:
        UsageError: it is silent about one: neither supported nor noted as missing, and not of a role that nobody has.
    """
    stated = host.capabilities()
    silent = known - stated.supported - set(stated.notes)
    if host.gpus() is None:
        silent -= {"gpu"}
    if silent:
        raise UsageError(
            f"the backend {host.config.backend!r} says nothing about: {', '.join(sorted(silent))}. Its "
            "intermodal_capabilities must name each in `supported`, or say in `notes` why it is missing"
        )
    return stated


def version_of(host: PluginHost) -> str:
    """The distribution and version of the backend."""
    return next((item.source for item in host.plugins if item.kind == "backend"), "unknown")


def versions() -> dict[str, str]:
    """The versions that a report names."""
    names = {"suite": "intermodal-conformance", "framework": "intermodal-core", "hypothesis": "hypothesis"}
    return {name: importlib.metadata.version(distribution) for name, distribution in names.items()}
