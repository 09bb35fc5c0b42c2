"""`app.deploy()`: an app that stays at a server (deploy.rolling)."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from intermodal.client.completion import Completion
from intermodal.client.context import in_container
from intermodal.client.pickling import send_main_by_value
from intermodal.definitions.lowering import lower
from intermodal.definitions.naming import check_name
from intermodal.definitions.output import shown
from intermodal.definitions.threads import in_thread
from intermodal.exception import InvalidError

if TYPE_CHECKING:
    from intermodal.definitions.app import App

__all__ = ["DeployedVersion", "start_deploying"]


@dataclass(frozen=True)
class DeployedVersion:
    """A version that takes calls: its app, where that is, and the version's number, counted from 1."""

    app: str
    environment: str
    number: int


def start_deploying(
    app: App, *, name: str | None, environment: str | None, tag: str, show_progress: bool | None
) -> Completion[DeployedVersion]:
    """See `App.deploy`."""
    if in_container():
        raise InvalidError("app.deploy() inside a container: deploy from the program that the app is written in")
    chosen = app.name if name is None else name
    if chosen is None:
        raise InvalidError('the app has no name to be found by: write App("name"), or deploy it with name=')
    check_name("an app", chosen)
    # Named late and by text: this is a room that containers do not have, nor may definitions know it.
    deploying = importlib.import_module("intermodal.remote").deploying("app.deploy()")
    lowered = lower(app)
    if lowered.by_value:
        send_main_by_value(True)
    named = lowered.named
    work = replace(
        lowered,
        secrets={key: values for key, values in lowered.secrets.items() if key not in named},
        build_secrets={key: values for key, values in lowered.build_secrets.items() if key not in named},
        show_progress=shown()[1] if show_progress is None else show_progress,
    )

    def deploy() -> DeployedVersion:
        row = deploying.deploy(work, named=named, name=chosen, environment=environment, tag=tag)
        return DeployedVersion(row["app"], row["environment"], row["number"])

    return in_thread(deploy, "intermodal-deploy")
