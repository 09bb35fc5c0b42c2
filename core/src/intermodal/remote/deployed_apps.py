"""Deployed apps of a server: making, listing and ending them."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from intermodal.client.work import Work
from intermodal.plugins import Config, load
from intermodal.remote.http import ServerHttp
from intermodal.remote.line import Line, asked
from intermodal.remote.observed import feed
from intermodal.remote.sending import send
from intermodal.specs import SecretName, to_json

__all__ = ["Deploying"]


class Deploying:
    """Each method uses a connection of its own. All raise `ConfigError`, `ConnectionError`, `VersionError`, and
    `NotFoundError` for what is not deployed.

    An `environment` that is None is the one that is configured.
    """

    def __init__(self, config: Config) -> None:
        self._config = config

    def deploy(
        self,
        work: Work,
        *,
        named: Mapping[str, SecretName],
        name: str,
        environment: str | None,
        tag: str,
    ) -> dict[str, Any]:
        """Wait until a new version takes calls; what is known of it. Raises what kept it from that."""
        host = load(self._config, backend=False)
        try:
            host.show_output(logs=work.show_output, progress=work.show_progress)
            line = Line(self._config, {"observed": lambda header, _: feed(host, header)})
            try:
                send(line.ask, work.blobs)
                params = {
                    "app": to_json(work.app),
                    "blobs": list(work.blobs),
                    "secrets": {key: dict(values) for key, values in work.secrets.items()},
                    "build_secrets": {key: dict(values) for key, values in work.build_secrets.items()},
                    "named": {key: to_json(where) for key, where in named.items()},
                    "name": name,
                    "environment": environment,
                    "tag": tag,
                    "client": version("intermodal-core"),
                }
                return dict(line.ask("app.deploy", params))
            finally:
                line.close()
        finally:
            host.close()

    def list(self, environment: str | None) -> builtins.list[dict[str, Any]]:
        """The live version of each app; of those that are stopped, the last one."""
        return builtins.list(asked(self._config, "app.list", {"environment": environment}))

    def history(self, app: str, environment: str | None) -> builtins.list[dict[str, Any]]:
        """All versions of an app, the oldest first."""
        return builtins.list(asked(self._config, "app.history", {"app": app, "environment": environment}))

    def stats(self, app: str, environment: str | None) -> builtins.list[dict[str, Any]]:
        """Of each function what it has to do, and how its calls of the last hour went (`FunctionStats`)."""
        where = {"environment": environment or self._config.environment}
        return builtins.list(ServerHttp(self._config).get(f"/v1/apps/{quote(app, safe='')}/stats", where)["functions"])

    def rollback(self, app: str, number: int | None, environment: str | None) -> dict[str, Any]:
        """Deploy version `number` anew, or the one before the live one. Raises as `deploy`."""
        params = {"app": app, "number": number, "environment": environment, "client": version("intermodal-core")}
        return dict(asked(self._config, "app.rollback", params))

    def stop(self, app: str, environment: str | None) -> None:
        """End an app."""
        asked(self._config, "app.stop", {"app": app, "environment": environment})
