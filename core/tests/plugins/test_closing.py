"""Role objects are closed by the host that made them, once, whatever way a session ends."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import pytest

from intermodal.client.work import Work
from intermodal.driver.session import EmbeddedSession
from intermodal.exception import BackendError
from intermodal.plugins import Config, PluginHost
from intermodal.specs import AppSpec

Start = Callable[..., PluginHost]
CLOSING = """
    import asyncio
    import stub_backend

    closed = []

    class Launcher(stub_backend.StubLauncher):
        async def totals(self):
            from intermodal.exception import BackendError
            raise BackendError("the engine just went away")
        async def close(self):
            closed.append("launcher")
            self.loop = asyncio.get_running_loop()
            if failing:
                raise OSError("not now")

    class Builder(stub_backend.StubBuilder):
        async def close(self): closed.append("builder")

    failing = False

    @hookimpl
    def intermodal_launcher(config): return Launcher()

    @hookimpl
    def intermodal_builder(config): return Builder()
"""


@pytest.fixture
def roles(add_plugin: Any, stub: str) -> Callable[[], Any]:
    """A plugin whose launcher and builder note that they are closed: its module, once it was loaded."""
    add_plugin("closing", CLOSING)
    return lambda: sys.modules["plug_closing"]


def test_what_was_asked_for_is_closed_with_the_host(start: Start, roles: Callable[[], Any]) -> None:
    """The launcher before the builder, whichever was made first; also where this thread has a loop of its own."""

    async def use() -> None:
        host = start()
        host.builder()
        host.launcher()
        host.close()
        host.close()

    asyncio.run(use())
    assert roles().closed == ["launcher", "builder"]


def test_what_nobody_asked_for_is_not_made_to_be_closed(start: Start, roles: Callable[[], Any]) -> None:
    """A command that shows what is loaded needs no engine."""
    host = start()
    host.builder()
    host.close()
    assert roles().closed == ["builder"]


def test_who_used_them_on_a_loop_closes_them_there(start: Start, roles: Callable[[], Any]) -> None:
    """Their tasks are that loop's."""
    host = start()

    async def use() -> bool:
        launcher: Any = host.launcher()
        await host.close_roles()
        return launcher.loop is asyncio.get_running_loop()

    assert asyncio.run(use())
    host.close()
    assert roles().closed == ["launcher"]


def test_one_that_fails_keeps_none_from_being_closed(start: Start, roles: Callable[[], Any]) -> None:
    """Its error is raised in the end, and plugins are unconfigured all the same."""
    host = start()
    host.launcher()
    host.builder()
    roles().failing = True
    with pytest.raises(OSError, match="not now"):
        host.close()
    assert roles().closed == ["launcher", "builder"]
    host.close()


def test_a_session_that_fails_to_start_closes_them(stub: str, roles: Callable[[], Any]) -> None:
    """Here the backend cannot say what it has."""
    config = Config.load(command_line={"backend": stub})
    with pytest.raises(BackendError, match="just went away"), EmbeddedSession(Work(AppSpec(name="a")), config):
        pass
    assert roles().closed[0] == "launcher"
