"""Batched functions: lists in, a list out (batch.form, batch.errors)."""

from __future__ import annotations

from pathlib import Path

import pytest

from intermodal.specs import BatchPolicy, MethodSpec
from intermodal.specs.status import ERROR, OK
from intermodal.wire.payload import dumps

from .harness import Host

KINDS = pytest.mark.parametrize(("kind", "is_async"), [("def", False), ("async def", True)])


def batched(is_async: bool) -> tuple[MethodSpec, ...]:
    return (MethodSpec(is_async=is_async, batching=BatchPolicy(max_size=8, wait_s=0.1)),)


@KINDS
def test_each_input_gets_its_element(tmp_path: Path, kind: str, is_async: bool) -> None:
    """Arguments come as lists in order, given by position or by name."""
    with Host(tmp_path, f"{kind} f(a, b): return [x * 10 + y for x, y in zip(a, b)]") as host:
        host.start(methods=batched(is_async))
        payloads = [dumps(each, None) for each in (((1, 2), {}), ((3,), {"b": 4}), ((), {"b": 6, "a": 5}))]
        attempts = host.inputs(payloads=payloads, batch=True)
        assert [host.result(attempt) for attempt in attempts] == [(OK, 12), (OK, 34), (OK, 56)]


@KINDS
@pytest.mark.parametrize(("body", "words"), [("return [1]", "a list of 1 for 3"), ("return 7", "not a list")])
def test_a_wrong_return_fails_every_input(tmp_path: Path, kind: str, is_async: bool, body: str, words: str) -> None:
    """The message says what was wrong with it."""
    with Host(tmp_path, f"{kind} f(a): {body}") as host:
        host.start(methods=batched(is_async))
        for attempt in host.inputs(1, 2, 3, batch=True):
            status, error = host.result(attempt)
            assert status == ERROR
            assert words in error.message


@KINDS
def test_an_exception_fails_the_batch(tmp_path: Path, kind: str, is_async: bool) -> None:
    """Every input has it, and the next batch runs."""
    with Host(tmp_path, f"{kind} f(a): return [1 // x for x in a]") as host:
        host.start(methods=batched(is_async))
        for attempt in host.inputs(1, 0, batch=True):
            assert host.result(attempt)[1].error == "ZeroDivisionError"
        assert [host.result(attempt) for attempt in host.inputs(1, 1, batch=True)] == [(OK, 1), (OK, 1)]


@KINDS
def test_inputs_that_cannot_be_read_fail_alone(tmp_path: Path, kind: str, is_async: bool) -> None:
    """The others form the batch."""
    with Host(tmp_path, f"{kind} f(a): return [len(a)] * len(a)") as host:
        host.start(methods=batched(is_async))
        broken, wrong = b"\0nonsense", dumps(((1, 2, 3), {}), None)
        good = dumps(((1,), {}), None)
        first, second, third, fourth = host.inputs(payloads=[good, broken, wrong, good], batch=True)
        assert [host.result(attempt) for attempt in (first, fourth)] == [(OK, 2)] * 2
        assert host.result(second)[1].error == "intermodal.exception.DeserializationError"
        assert host.result(third)[1].error == "TypeError"
