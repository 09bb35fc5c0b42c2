"""Locks by name: one holder at a time, whoever waits is told, and a holder may take the file away."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from intermodal.plugins.holding import acquire, alone_with, exclusively, try_acquire


def nothing() -> None:
    """What is called while waiting."""


def test_who_waits_is_told_once_and_then_has_it(tmp_path: Path) -> None:
    """Another name is another right."""
    told = threading.Event()
    order: list[str] = []

    def second() -> None:
        with alone_with(tmp_path, "a cache/with any name", told.set, nothing):
            order.append("second")

    waiting = threading.Thread(target=second)
    with alone_with(tmp_path, "a cache/with any name", nothing, nothing):
        waiting.start()
        assert told.wait(60)
        with alone_with(tmp_path, "another", pytest.fail, nothing):
            order.append("first")
    waiting.join()
    assert order == ["first", "second"]


def test_a_wait_ends_when_the_check_says_so(tmp_path: Path) -> None:
    """With what the check raised; the lock is not held afterwards."""

    def cancelled() -> None:
        raise InterruptedError

    second = alone_with(tmp_path, "it", nothing, cancelled)
    with alone_with(tmp_path, "it", nothing, nothing), pytest.raises(InterruptedError):
        second.__enter__()
    with alone_with(tmp_path, "it", pytest.fail, pytest.fail):
        pass


def test_a_lock_whose_file_was_removed_excludes_again(tmp_path: Path) -> None:
    """Who waited for the removed one gets the new one."""
    path = tmp_path / "lock"
    found: list[int] = []
    waiting = threading.Thread(target=lambda: found.append(acquire(path)))
    with exclusively(path, remove=True):
        waiting.start()
        assert try_acquire(path) is None
    waiting.join()
    try:
        assert try_acquire(path) is None
    finally:
        os.close(found[0])
    again = try_acquire(path)
    assert again is not None
    os.close(again)


def test_holders_of_a_shared_lock_keep_others_out(tmp_path: Path) -> None:
    """Until the last of them lets go."""
    path = tmp_path / "lock"
    shared = [acquire(path, shared=True) for _ in range(2)]
    for fd in shared:
        assert try_acquire(path) is None
        os.close(fd)
    alone = try_acquire(path)
    assert alone is not None
    os.close(alone)
