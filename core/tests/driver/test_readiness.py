"""When an app is ready: which containers are tried, and what is waited for (deploy.rolling)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from intermodal.client.work import Work
from intermodal.driver import EmbeddedSession, readiness
from intermodal.driver.readiness import to_try
from intermodal.exception import ContainerStartError
from intermodal.plugins.roles import LaunchBusy, LaunchRefused
from intermodal.specs import AppSpec, CodeTarget, DebianSlim, FunctionSpec, ImageSpec, MethodSpec, Scaling, WebSpec

IMAGE = ImageSpec(base=DebianSlim(python="3.11"))


def function(name: str, module: str = "shop", **options: Any) -> FunctionSpec:
    """One of an app."""
    target = CodeTarget(module=module, qualname=name)
    return FunctionSpec(app="app", name=name, key=f"{module}:{name}", target=target, image=IMAGE, **options)


def test_what_has_code_of_its_own_to_run_at_a_start_is_tried() -> None:
    """Each class and each web function; of plain functions one for each module, image and environment. Containers of a
    class with parameters need values."""
    web = (MethodSpec(web=WebSpec(kind="asgi")),)
    functions = [
        function("first"),
        function("second"),
        function("elsewhere", module="other"),
        function("with_variable", env=(("A", "b"),)),
        function("Plain", is_class=True),
        function("Sized", is_class=True, parameters=("size",)),
        function("site", methods=web),
        function("shop", methods=web),
    ]
    tried = [each.name for each in to_try(functions)]
    assert tried == ["first", "elsewhere", "with_variable", "Plain", "site", "shop"]


@pytest.fixture
def stage(plain: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The backend's side, from where the test plays the containers."""
    import scripted_backend

    monkeypatch.setenv("INTERMODAL_BACKEND", "scripted")
    made = scripted_backend.reset()
    yield made
    for peer in made.peers:
        peer.guest.close()


def while_waiting(act: Callable[[], None], *functions: FunctionSpec) -> None:
    """Do something while somebody waits for an app to be ready."""

    async def wait() -> None:
        ready = asyncio.create_task(session.ready(trying=True))
        try:
            await asyncio.to_thread(act)
            await ready
        finally:
            ready.cancel()

    with EmbeddedSession(Work(AppSpec(name="app", functions=functions)), grace_s=0.0) as session:
        asyncio.run(wait())


def test_an_app_is_ready_when_a_container_has_been_seen_to_start(stage: Any) -> None:
    """Also where nobody keeps one; it does not matter that it may be gone again by then."""
    while_waiting(lambda: stage.next_ready(), function("first"), function("second"))
    assert len(stage.peers) == 1


def test_one_that_can_never_start_is_told_at_once(stage: Any) -> None:
    """With what the backend says."""
    stage.answers = [LaunchRefused("no such thing here")]
    with pytest.raises(ContainerStartError, match="first: no container comes up: no such thing here"):
        while_waiting(lambda: None, function("first"))


def test_what_has_no_room_for_long_is_not_waited_for(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version before may hold it; and being refused for lack of room is no failure."""
    monkeypatch.setattr(readiness, "_ROOM_S", 0.5)
    stage.answers = [LaunchBusy("full")] * 1000
    while_waiting(lambda: None, function("first", scaling=Scaling(min_containers=1)))
    assert not stage.peers
