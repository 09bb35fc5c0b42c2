"""Sync functions on the main thread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from intermodal.specs.status import ERROR, OK

from .harness import Host


def test_a_function_runs_and_returns(tmp_path: Path) -> None:
    """An input's value comes back, and a stop ends the guest with bye and code 0."""
    with Host(tmp_path, "def f(x): return x * 2") as host:
        host.start()
        assert host.run(21) == (OK, 42)
        assert host.stop() == 0


def test_many_inputs_come_back_in_order(tmp_path: Path) -> None:
    """One frame of inputs gives a result each, in order, in few frames."""
    with Host(tmp_path, "def f(x): return x") as host:
        host.start()
        attempts = host.inputs(*range(500))
        host.until(lambda: len(host.results) == 500)
        assert list(host.results) == attempts
        assert [host.results[attempt] for attempt in attempts] == [[(OK, i)] for i in range(500)]
        frames = sum(header["t"] == "results" for header, _ in host.seen)
        assert frames < 100


def test_an_exception_is_described_and_rebuilt(tmp_path: Path) -> None:
    """Type, message, readable traceback without guest frames, and a pickle of the exception (call.errors)."""
    with Host(tmp_path, "def f(x): raise ValueError('no ' + x)") as host:
        host.start()
        status, error = host.run("luck")
        assert status == ERROR
        assert error.error == "ValueError"
        assert error.message == "no luck"
        assert "user_module.py" in error.traceback
        assert "execution.py" not in error.traceback
        rebuilt: Any = __import__("pickle").loads(error.exception)
        assert type(rebuilt) is ValueError
        assert rebuilt.args == ("no luck",)
