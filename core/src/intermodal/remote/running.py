"""A session whose driver is a server's: the same to definitions as one in this process."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from intermodal.client.linked import LinkedClient
from intermodal.client.work import Work
from intermodal.exception import ConfigError, NotFoundError
from intermodal.plugins import Config, PluginHost, load
from intermodal.plugins.observations import Notice
from intermodal.remote.line import Line
from intermodal.remote.observed import feed
from intermodal.remote.sending import Ask, send
from intermodal.specs import ImageSpec, to_json

__all__ = ["RemoteSession"]


@dataclass(frozen=True)
class _Built:
    id: str


class RemoteSession:
    """Runs one app on a server. A context manager: entering starts it, leaving stops every container. It ends there,
    too, when this process does. One that is to `detach` ends when the calls that were submitted have ended, whatever
    becomes of this process.

    Raises on entering: `ConfigError`, `ConnectionError`, `VersionError`, and what the session at the server raises.
    """

    def __init__(self, work: Work, config: Config, *, detach: bool = False) -> None:
        self.id = ""
        self._work = work
        self._detach = detach
        self._config = config
        self._host: PluginHost | None = None
        self._line: Line | None = None
        self.client: LinkedClient

    def __enter__(self) -> RemoteSession:
        self._host = host = load(self._config, backend=False)
        try:
            work = self._work
            host.show_output(logs=work.show_output, progress=work.show_progress)
            self._line = line = Line(self._config, {"observed": self._on_observed}, self._say)
            self._check_backend(line)
            self.id = self._begin(line.ask)
            line.begin = self._begin
        except BaseException:
            self.close(0.0)
            raise
        self.client = line.client
        return self

    def _begin(self, ask: Ask) -> str:
        """The session's id there."""
        work = self._work
        send(ask, work.blobs)
        values = {"secrets": _plain(work.secrets), "build_secrets": _plain(work.build_secrets)}
        what = {"app": to_json(work.app), "detach": self._detach, "again": self.id or None}
        return str(ask("app.begin", {**what, **values}))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # After Ctrl-C nobody wants to wait.
        self.close(1.0 if isinstance(error, KeyboardInterrupt) else None)

    def close(self, grace_s: float | None = None) -> None:
        """Stop everything within `grace_s` seconds (default: the server's), or leave it to the server. Idempotent."""
        line, self._line = self._line, None
        try:
            if line is not None and line.connected:
                line.begin = _nothing
                line.ask("app.end", {"grace_s": grace_s})
        finally:
            if line is not None:
                line.close()
            host, self._host = self._host, None
            if host is not None:
                host.close()

    def build(
        self, image: ImageSpec, blobs: Mapping[str, bytes | Path], secrets: Mapping[str, Mapping[str, str]]
    ) -> _Built:
        """Build an image there. Raises `ImageBuildError`, `CapabilityNotSupported`."""
        if self._line is None:
            raise NotFoundError("the session is not running")
        send(self._line.ask, blobs)
        return _Built(self._line.ask("app.build", {"image": to_json(image), "secrets": _plain(secrets)}))

    def let_go(self) -> None:
        """This process is about to end: what it waits for is not to end for that. In a signal's handler, too."""
        if self._line is not None:
            self._line.keeps_calls = True

    @property
    def open(self) -> bool:
        """Whether it can still do something: the connection to the server lasts."""
        return self._line is not None and self._line.open

    def _check_backend(self, line: Line) -> None:
        setting = self._config.setting("backend")
        if setting.origin != "default" and setting.value != line.backend:
            raise ConfigError(
                f"{setting.origin} asks for the backend {setting.value!r}, and the server runs {line.backend!r}: leave "
                "it away, or start a server with that backend"
            )

    def _say(self, message: str) -> None:
        if self._host is not None:
            self._host.observe("notice", [Notice(level="warning", message=message, at=time.time())])

    def _on_observed(self, header: dict[str, Any], _: list[bytes]) -> None:
        if self._host is not None:
            feed(self._host, header)


def _nothing(_: Ask) -> None:
    """What ends does not begin anew."""


def _plain(secrets: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    return {name: dict(values) for name, values in secrets.items()}
