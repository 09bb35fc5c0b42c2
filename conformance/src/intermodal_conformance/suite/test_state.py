"""queue.*, dict.*; random programs are in test_programs.py"""

from __future__ import annotations

import queue
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

import intermodal
from intermodal.exception import NotFoundError
from intermodal_conformance.apps import state
from intermodal_conformance.marks import requirement
from intermodal_conformance.target import Target


@requirement("queue.*")
def test_values_come_out_as_they_went_in(target: Target) -> None:
    """In order for each partition, from here and from containers."""
    with intermodal.Queue.ephemeral() as line:
        state.produce.remote(line, [1, 2, 3])
        state.produce.remote(line, [7, 8], partition="p")
        line.put_many([4, 5])
        assert (line.len(), line.len(partition="p"), line.len(total=True)) == (5, 2, 7)
        assert list(line.iterate()) == [1, 2, 3, 4, 5]
        assert line.get_many(2) == [1, 2]
        assert state.drain.remote(line) == [3, 4, 5]
        assert line.get(partition="p") == 7
        line.clear(all=True)
        assert line.len(total=True) == 0


@requirement("queue.*")
def test_a_reader_waits_for_a_value_at_most_so_long(target: Target) -> None:
    """`queue.Empty` in the end, not before; None without blocking; a value that comes wakes it."""
    with intermodal.Queue.ephemeral() as line, intermodal.Queue.ephemeral() as other:
        began = time.monotonic()
        with pytest.raises(queue.Empty):
            line.get(timeout=0.5)
        assert time.monotonic() - began >= 0.45
        assert line.get(block=False) is None
        call = state.pass_on.spawn(line, other, 3)
        for n in range(3):
            line.put(n)
            assert other.get(timeout=60) == n
        call.get(timeout=60)


@requirement("queue.*")
def test_a_full_queue_makes_its_writer_wait(target: Target) -> None:
    """`queue.Full` after the timeout; room that is made lets it on."""
    with intermodal.Queue.ephemeral() as line:
        line.put_many(list(range(5000)))
        with pytest.raises(queue.Full):
            line.put(-1, timeout=0.2)
        with pytest.raises(queue.Full):
            line.put(-1, block=False)
        call = state.produce.spawn(line, [5000])
        assert line.get() == 0
        call.get(timeout=60)
        assert line.get_many(5000)[-1] == 5000


@requirement("queue.*")
def test_every_value_goes_to_one_reader(target: Target) -> None:
    """Readers in several containers share the values between them, each in order."""
    with intermodal.Queue.ephemeral() as line:
        line.put_many(list(range(200)))
        shares = list(state.drain.map([line] * 4))
    assert sorted(value for share in shares for value in share) == list(range(200))
    assert all(share == sorted(share) for share in shares)


@requirement("dict.*")
def test_only_one_of_many_sets_or_takes_a_key(target: Target) -> None:
    """`skip_if_exists` and `pop` are atomic."""
    with intermodal.Dict.ephemeral() as box:
        won = list(state.claim.map([box] * 20, ["key"] * 20, range(20)))
        assert won.count(True) == 1
        assert box["key"] == won.index(True)
        taken = list(state.take.map([box] * 20, ["key"] * 20))
        assert [value for value in taken if value is not None] == [won.index(True)]
        assert len(box) == 0


@requirement("dict.*")
def test_of_many_who_set_a_key_at_the_same_time_one_wins(target: Target) -> None:
    """Clients that start together; several times, as a race may end well by chance."""
    with intermodal.Dict.ephemeral() as box, ThreadPoolExecutor(8) as pool:
        for key in range(5):
            start = threading.Barrier(8)

            def claim(name: int, key: int = key, start: threading.Barrier = start) -> bool:
                start.wait(60)
                return box.put(key, name, skip_if_exists=True)

            won = list(pool.map(claim, range(8)))
            assert won.count(True) == 1
            assert box[key] == won.index(True)


@requirement("dict.*")
def test_a_dict_is_a_mapping(target: Target) -> None:
    """With the methods of one; keys are compared by value and type."""
    with intermodal.Dict.ephemeral({"a": 1}) as box:
        box.update({(1, "t"): [1], None: b"x"}, b=2)
        assert list(box.items()) == [("a", 1), ((1, "t"), [1]), (None, b"x"), ("b", 2)]
        assert (box.get("z"), box.get("z", 5), "a" in box, "z" in box) == (None, 5, True, False)
        box[1], box[True] = "int", "bool"
        assert (box[1], box[True]) == ("int", "bool")
        with pytest.raises(KeyError):
            box["z"]
        with pytest.raises(KeyError):
            box.pop("z")
        box.clear()
        assert list(box.keys()) == []


@requirement("dict.*")
def test_named_objects_are_found_again(target: Target) -> None:
    """By name, while they exist; others are an error."""
    name = f"conformance-{uuid.uuid4().hex[:8]}"
    with pytest.raises(NotFoundError):
        intermodal.Dict.from_name(name).get("a")
    intermodal.Dict.from_name(name, {"a": 1}, create_if_missing=True)["b"] = 2
    assert dict(intermodal.Dict.from_name(name).items()) == {"a": 1, "b": 2}
    intermodal.Dict.delete(name)
    with pytest.raises(NotFoundError):
        intermodal.Dict.from_name(name).get("a")
