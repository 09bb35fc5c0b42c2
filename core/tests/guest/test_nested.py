"""Calls and requests from inside a container (call.nested)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from intermodal.specs import MethodSpec
from intermodal.specs.status import CANCELLED, ERROR, OK
from intermodal.wire.payload import dumps, loads, received
from intermodal.wire.raised import Raised, encode

from .harness import Host

HEAD = """
    import asyncio, builtins, threading
    from intermodal.client.api import CallTarget, current
    from intermodal.client.calls import FunctionCall, remote, spawn
    from intermodal.client.completion import run_async, run_sync
    TARGET = CallTarget(app="app", key="user_module:g")
    def call(*args): return run_sync(remote(current(), TARGET, args, {}))
    async def call_async(*args): return await run_async(remote(current(), TARGET, args, {}))
"""


def answer(host: Host, frame: tuple[dict[str, Any], list[bytes]], value: Any) -> None:
    """Give the value of a one-input nested call, and its end."""
    call = frame[0]["call"]
    host.send({"t": "outputs", "call": call, "row": [0, OK]}, [dumps(value, host.arena)])
    host.send({"t": "ended", "call": call})


SYNC = HEAD + "    def f(x): return call(x) + 1\n"
ASYNC = HEAD + "    async def f(x): return await call_async(x) + 1\n"


@pytest.mark.parametrize(
    ("source", "is_async", "at_once"), [(SYNC, False, 1), (SYNC, False, 2), (ASYNC, True, 1), (SYNC, True, 1)]
)
def test_a_nested_call_waits_and_goes_on(tmp_path: Path, source: str, is_async: bool, at_once: int) -> None:
    """The host hears who waits and when it goes on; the value arrives."""
    if is_async and source is SYNC:
        source = HEAD + "    async def f(x): return call(x) + 1\n"  # a blocking call on the loop's own thread
    with Host(tmp_path, source) as host:
        host.start(methods=(MethodSpec(is_async=is_async),), max_inputs=at_once)
        for round_number in range(3):
            (attempt,) = host.inputs(round_number)
            submit, segments = host.expect("submit")
            assert (submit["app"], submit["key"], submit["method"]) == ("app", "user_module:g", "")
            assert (submit["parent"], submit["closed"], submit["detached"]) == (attempt, True, False)
            assert segments[0] == b""
            assert loads(received(segments[1], host.foreign)) == ((round_number,), {})
            waiting, _ = host.expect("waiting")
            assert (waiting["attempt"], waiting["on"]) == (attempt, True)
            answer(host, (submit, segments), 10)
            going_on, _ = host.expect("waiting")
            assert (going_on["attempt"], going_on["on"]) == (attempt, False)
            assert host.result(attempt) == (OK, 11)


def test_calls_of_many_threads_share_the_connection(tmp_path: Path) -> None:
    """Whoever waits reads for all; answers may come in any order, and the host hears of waiting once."""
    source = (
        HEAD
        + """
    from concurrent.futures import ThreadPoolExecutor
    def f(n):
        with ThreadPoolExecutor(n) as pool:
            return list(pool.map(call, range(n)))
"""
    )
    with Host(tmp_path, source) as host:
        host.start()
        (attempt,) = host.inputs(8)
        submits = [host.expect("submit") for _ in range(8)]
        for submit in reversed(submits):
            (number,), _ = loads(received(submit[1][1], host.foreign))
            assert submit[0]["parent"] == attempt
            answer(host, submit, number * 2)
        assert host.result(attempt) == (OK, [n * 2 for n in range(8)])
        on = [header["on"] for header, _ in host.seen if header["t"] == "waiting"]
        assert on[:1] in ([], [True])
        assert on.count(True) == on.count(False)


def test_inputs_that_arrive_during_a_nested_wait_are_kept(tmp_path: Path) -> None:
    """They run after it, or go back."""
    with Host(tmp_path, SYNC) as host:
        host.start()
        (attempt,) = host.inputs(1)
        frame = host.expect("submit")
        (behind,) = host.inputs(2)
        answer(host, frame, 5)
        assert host.result(attempt) == (OK, 6)

        def later() -> list[tuple[dict[str, Any], list[bytes]]]:
            return [each for each in host.seen if each[0]["t"] in ("returned", "submit") and each[0] is not frame[0]]

        host.until(later)
        if later()[0][0]["t"] == "submit":
            answer(host, later()[0], 7)
            assert host.result(behind) == (OK, 8)


def test_a_cancellation_ends_a_nested_wait(tmp_path: Path) -> None:
    """The nested call is cancelled with its parent."""
    with Host(tmp_path, SYNC) as host:
        host.start()
        (attempt,) = host.inputs(1)
        submit, _ = host.expect("submit")
        host.expect("waiting")
        host.send({"t": "cancel", "attempts": [attempt]})
        cancel, _ = host.expect("cancelcall")
        assert cancel["call"] == submit["call"]
        assert host.result(attempt) == (CANCELLED, None)
        assert host.inputs(2)
        host.expect("submit")


def test_a_remote_error_is_raised_inside(tmp_path: Path) -> None:
    """An error of the callee passes through the caller, its remote traceback chained."""
    with Host(tmp_path, SYNC) as host:
        host.start()
        (attempt,) = host.inputs(1)
        submit, _ = host.expect("submit")
        raised = Raised("ValueError", "deep", "DEEP TRACE")
        host.send({"t": "outputs", "call": submit["call"], "row": [0, ERROR]}, [encode(raised)])
        status, error = host.result(attempt)
        assert status == ERROR
        assert error.error == "intermodal.exception.ExecutionError"
        assert "DEEP TRACE" in error.traceback


def test_requests_and_replies(tmp_path: Path) -> None:
    """A request's value and segments come back; an error is raised as its own type."""
    source = (
        HEAD
        + """
    async def ask(method):
        reply = await current().request(method, {"a": 1}, (b"raw",))
        return reply.value, [bytes(each) for each in reply.segments]
    def f(method): return run_sync(ask(method))
"""
    )
    with Host(tmp_path, source) as host:
        host.start()
        (attempt,) = host.inputs("queue.len")
        header, segments = host.expect("request")
        assert (header["method"], header["params"], segments) == ("queue.len", {"a": 1}, [b"raw"])
        host.send({"t": "reply", "id": header["id"], "ok": True, "value": {"n": 3}}, [b"\x01not a payload"])
        assert host.result(attempt) == (OK, ({"n": 3}, [b"\x01not a payload"]))
        for name, expected in (("NotFoundError", "intermodal.exception.NotFoundError"), ("KeyError", "KeyError")):
            (attempt,) = host.inputs("dict.get")
            header, _ = host.expect("request")
            host.send({"t": "reply", "id": header["id"], "ok": False, "error": name, "message": "missing"})
            assert host.result(attempt)[1].error == expected


def test_spawn_is_detached_and_get_asks_for_the_output(tmp_path: Path) -> None:
    """A spawned call goes on by itself once it is accepted; its output is asked for, in shared memory where it is
    large."""
    source = (
        HEAD
        + """
    def f(n):
        spawned = run_sync(spawn(current(), TARGET, (n,), {}))
        try:
            spawned.get(timeout=0)
        except TimeoutError:
            return len(spawned.get())
"""
    )
    with Host(tmp_path, source) as host:
        host.start()
        (attempt,) = host.inputs(1)
        submit, _ = host.expect("submit")
        assert submit["detached"]
        host.send({"t": "accepted", "calls": [submit["call"]], "refused": []})
        request, _ = host.expect("request")
        assert request["params"] == {"call": submit["call"], "index": 0, "timeout": 0}
        host.send({"t": "reply", "id": request["id"], "ok": True, "value": {"state": "pending"}})
        request, _ = host.expect("request")
        value = {"state": "done", "status": OK}
        large = dumps(b"x" * 1_000_000, host.arena)
        assert not isinstance(large, bytes)
        host.send({"t": "reply", "id": request["id"], "ok": True, "value": value, "payloads": True}, [large])
        assert host.result(attempt) == (OK, 1_000_000)


def test_spawn_raises_what_refuses_the_call(tmp_path: Path) -> None:
    """Nothing runs then, and nothing can be asked for (deploy.durable)."""
    source = HEAD + "    def f(n): return run_sync(spawn(current(), TARGET, (n,), {})).object_id\n"
    with Host(tmp_path, source) as host:
        host.start()
        (attempt,) = host.inputs(1)
        submit, _ = host.expect("submit")
        host.send({"t": "accepted", "calls": [], "refused": [[submit["call"], "ResourceExhaustedError", "full"]]})
        status, error = host.result(attempt)
        assert (status, error.error) == (ERROR, "intermodal.exception.ResourceExhaustedError")


def test_a_call_at_import_time_has_no_parent(tmp_path: Path) -> None:
    """Enter methods and module code may call too; no attempt is named."""
    with Host(tmp_path, HEAD + "    VALUE = call(1)\n    def f(): return VALUE\n") as host:
        assert host.receive()[0]["t"] == "hello"
        host.send(*host.boot())
        frame = host.expect("submit")
        assert frame[0]["parent"] is None
        answer(host, frame, "early")
        host.expect("ready")
        assert host.run() == (OK, "early")
