"""The trace that travels with a call, for plugins and programs that trace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import intermodal

PLUGIN = """
from intermodal.plugins import hookimpl
started = []
@hookimpl
def intermodal_trace_call(call, trace):
    if trace == "broken":
        raise RuntimeError("no clock")
    return trace + ">call"
@hookimpl
def intermodal_call_started(events):
    started.extend(events)
"""


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The calls that a plugin which traces has heard of."""
    name = f"tracer_{tmp_path.name}".replace("-", "_")
    (tmp_path / "site" / f"{name}.py").write_text(PLUGIN)
    monkeypatch.setenv("INTERMODAL_PLUGINS", name)
    return lambda: __import__("sys").modules[name].started


@pytest.fixture
def traced() -> Iterator[list[str]]:
    """What the tracer of this process says, in a list of one."""
    said = ["mine"]
    intermodal.trace_calls_with(lambda: said[0])
    yield said
    intermodal.trace_calls_with(None)


def in_trace(n: int) -> str | None:
    return intermodal.current_trace_context()


async def in_trace_at_once(n: int) -> str | None:
    return intermodal.current_trace_context()


def test_a_call_is_in_the_trace_that_the_plugin_says(started: Any, traced: list[str]) -> None:
    """Made in what the caller's tracer says; code inside reads the plugin's answer, in each kind of container."""
    app = intermodal.App("traced")
    one = app.function(serialized=True, max_containers=1)(in_trace)
    many = app.function(serialized=True, max_containers=1)(intermodal.concurrent(max_inputs=4)(in_trace_at_once))
    with app.run():
        assert one.remote(1) == "mine>call"
        assert list(many.map([1, 2])) == ["mine>call"] * 2
        traced[0] = "other"
        assert one.remote(1) == "other>call"
    assert [(call.trace, call.inside) for call in started()] == [
        ("mine", "mine>call"),
        ("mine", "mine>call"),
        ("other", "other>call"),
    ]


def test_a_nested_call_is_in_the_trace_of_the_one_that_makes_it(started: Any, traced: list[str]) -> None:
    """Without anything in the container that traces."""
    app = intermodal.App("nested-traces")
    inner = app.function(serialized=True, max_containers=1, name="inner")(in_trace)

    def outer(n: int) -> str | None:
        return inner.remote(n)

    calls = app.function(serialized=True, max_containers=1, name="outer")(outer)
    with app.run():
        assert calls.remote(1) == "mine>call>call"


def test_nothing_is_traced_where_nobody_does() -> None:
    """And a trace from the caller passes through where no plugin answers."""
    app = intermodal.App("untraced")
    one = app.function(serialized=True, max_containers=1)(in_trace)
    assert intermodal.current_trace_context() is None
    with app.run():
        assert one.remote(1) is None
        intermodal.trace_calls_with(lambda: "as it is")
        try:
            assert one.remote(1) == "as it is"
            intermodal.trace_calls_with(lambda: "x" * 1000)  # too long to travel
            assert one.remote(1) is None
        finally:
            intermodal.trace_calls_with(None)


def test_a_tracing_plugin_that_fails_fails_no_call(
    started: Any, traced: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """It is told once, and not asked again."""
    app = intermodal.App("broken-tracer")
    one = app.function(serialized=True, max_containers=1)(in_trace)
    with app.run():
        traced[0] = "broken"
        assert one.remote(1) == "broken"
        traced[0] = "fine"
        assert one.remote(1) == "fine"
    assert capfd.readouterr().err.count("intermodal_trace_call failed") == 1
