"""Generators stream their items under credit (gen.stream)."""

from __future__ import annotations

from pathlib import Path

import pytest

from intermodal.specs import MethodSpec
from intermodal.specs.status import CANCELLED, ERROR, GENERATOR_END, ITEM

from .harness import Host

SYNC = """
    def f(n):
        try:
            for i in range(n):
                yield i
        finally:
            print("closed")
"""
ASYNC = SYNC.replace("def f", "async def f")

KINDS = pytest.mark.parametrize(
    ("source", "is_async", "at_once"), [(SYNC, False, 1), (SYNC, False, 2), (ASYNC, True, 1), (ASYNC, True, 2)]
)


def generator(is_async: bool) -> tuple[MethodSpec, ...]:
    return (MethodSpec(is_generator=True, is_async=is_async),)


@KINDS
def test_items_come_as_credit_allows(tmp_path: Path, source: str, is_async: bool, at_once: int) -> None:
    """No item without credit; the end comes after the last."""
    with Host(tmp_path, source) as host:
        host.start(methods=generator(is_async), max_inputs=at_once)
        (attempt,) = host.inputs(5)
        host.send({"t": "credit", "attempt": attempt, "items": 2})
        host.until(lambda: len(host.results.get(attempt, ())) == 2)
        host.send({"t": "credit", "attempt": attempt, "items": 64})
        host.until(lambda: len(host.results[attempt]) == 6)
        assert host.results[attempt] == [*((ITEM, i) for i in range(5)), (GENERATOR_END, None)]


@KINDS
def test_closing_runs_the_generators_finally(tmp_path: Path, source: str, is_async: bool, at_once: int) -> None:
    """A generator without credit that is cancelled ends, and its `finally` has run."""
    with Host(tmp_path, source) as host:
        host.start(methods=generator(is_async), max_inputs=at_once)
        (attempt,) = host.inputs(1000)
        host.send({"t": "credit", "attempt": attempt, "items": 1})
        host.until(lambda: len(host.results.get(attempt, ())) == 1)
        host.send({"t": "cancel", "attempts": [attempt]})
        host.until(lambda: len(host.results[attempt]) == 2)
        assert host.results[attempt][-1] == (CANCELLED, None)
        assert host.logs == [(1, attempt, "closed\n")]


@KINDS
def test_items_before_a_failure_arrive(tmp_path: Path, source: str, is_async: bool, at_once: int) -> None:
    """Then comes the error."""
    source = source.replace("yield i", "yield 1 // (2 - i)")
    with Host(tmp_path, source) as host:
        host.start(methods=generator(is_async), max_inputs=at_once)
        (attempt,) = host.inputs(5)
        host.send({"t": "credit", "attempt": attempt, "items": 64})
        host.until(lambda: len(host.results.get(attempt, ())) == 3)
        items, (status, error) = host.results[attempt][:2], host.results[attempt][2]
        assert items == [(ITEM, 0), (ITEM, 1)]
        assert (status, error.error) == (ERROR, "ZeroDivisionError")


def test_a_slow_generator_does_not_hold_its_items(tmp_path: Path) -> None:
    """An item leaves though the next one takes for ever."""
    source = """
        import time
        def f(n):
            yield 1
            yield 2
            time.sleep(60)
    """
    with Host(tmp_path, source) as host:
        host.start(methods=generator(False))
        (attempt,) = host.inputs(0)
        host.send({"t": "credit", "attempt": attempt, "items": 64})
        host.until(lambda: len(host.results.get(attempt, ())) == 2)
        host.process.kill()
