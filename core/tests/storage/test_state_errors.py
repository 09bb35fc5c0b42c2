"""What is refused, and how: hostile parameters, too large values, files that cannot be used, disks that are full."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intermodal import exception
from intermodal.storage import Reply, RequestError, StateService
from intermodal.storage.state.ledger import Ledger
from intermodal.storage.state.lines import Ticket
from intermodal.storage.state.methods import parse
from intermodal.storage.state.requests import closing
from intermodal.storage.state.schema import connect_file

JSON = st.sampled_from(
    [
        *(None, True, False, 0, 1, -1, 7, 1 << 63, 1 << 200, 0.5, -0.5, 1e308, float("inf"), float("nan")),
        *("", "a", "\ud800", "qu-eph-1", "di-eph-1", "qu-1", "di-1", "keys", "items", "x" * 65, "../x"),
        *([], [1], {}, {"a": None}),
    ]
)
METHODS = st.sampled_from(
    [
        *(f"queue.{verb}" for verb in ("create", "put", "get", "iterate", "len", "clear", "delete", "close")),
        *(f"dict.{verb}" for verb in ("create", "put", "get", "pop", "contains", "iterate", "len", "update", "clear")),
    ]
)
PARAMS = st.dictionaries(
    st.sampled_from(
        ["id", "name", "environment", "partition", "n", "block", "timeout", "all", "total", "after", "limit", "what"]
    ),
    JSON,
)


async def ask_all(data_dir: Path, requests: Sequence[tuple[str, dict[str, Any], Sequence[bytes]]]) -> list[Reply]:
    service = StateService(data_dir)
    try:
        return [await service.handle(*request) for request in requests]
    finally:
        await service.close()


def refusal(data_dir: Path, method: str, params: dict[str, Any], segments: Sequence[bytes] = ()) -> RequestError:
    with pytest.raises(RequestError) as caught:
        asyncio.run(ask_all(data_dir, [(method, params, segments)]))
    assert issubclass(getattr(exception, caught.value.error), exception.Error)
    return caught.value


@given(method=METHODS, params=PARAMS, segments=st.lists(st.binary(max_size=3), max_size=3))
def test_any_parameters_give_a_request_or_a_typed_refusal(
    method: str, params: dict[str, Any], segments: list[bytes]
) -> None:
    """What a hostile client sends never raises anything but RequestError, and never blocks the engine."""

    refused: list[str] = []

    async def attempt() -> None:
        service = StateService(Path("unused"))
        try:
            parse(method, params, segments)
            if "eph" in str(params.get("id")):
                await service.handle(method, params, segments)
        except RequestError as error:
            refused.append(error.error)
        finally:
            await service.close()

    asyncio.run(attempt())
    assert set(refused) <= {"InvalidError", "NotFoundError"}


@pytest.mark.parametrize(
    ("method", "params", "segments", "words"),
    [
        ("queue.fly", {}, [], "no request 'queue.fly'"),
        ("queue.create", {"name": "../x"}, [], "letters"),
        ("queue.create", {"name": "q", "colour": 1}, [], "unknown parameter 'colour'"),
        ("queue.put", {"id": "di-1"}, [b""], "id is 'di-1'"),
        ("queue.put", {"id": "qu-1"}, [], "1 to 5,000 items"),
        ("queue.put", {"id": "qu-1"}, [b""] * 5_001, "this has 5,001"),
        ("queue.put", {"id": "qu-1"}, [bytes((1 << 20) + 1)], "the limit is 1,048,576"),
        ("queue.put", {"id": "qu-1", "partition": ""}, [b""], "1 to 64 bytes"),
        ("queue.put", {"id": "qu-1", "partition": "ä" * 33}, [b""], "1 to 64 bytes"),
        ("queue.put", {"id": "qu-1", "partition": "\ud800"}, [b""], "1 to 64 bytes"),
        ("queue.get", {"id": "qu-1", "n": 0}, [], "at least 1"),
        ("queue.get", {"id": "qu-1", "n": True}, [], "at least 1"),
        ("queue.get", {"id": "qu-1", "timeout": -1}, [], "0 or more"),
        ("queue.get", {"id": "qu-1", "timeout": float("nan")}, [], "0 or more"),
        ("queue.get", {"id": "qu-1"}, [b"x"], "takes no values"),
        ("queue.len", {"id": "qu-1", "partition": "a", "total": True}, [], "not both"),
        ("queue.close", {"id": "qu-1"}, [], "starts with 'qu-eph-'"),
        ("queue.delete", {}, [], "needs a name"),
        ("dict.put", {"id": "di-1"}, [b"k"], "one value is missing"),
        ("dict.put", {"id": "di-1"}, [b"k" * 65_537, b"v"], "the limit is 65,536"),
        ("dict.get", {"id": "di-1"}, [], "takes one key"),
        ("dict.iterate", {"id": "di-1", "what": "all"}, [], "'keys', 'values', 'items'"),
    ],
)
def test_wrong_requests_are_refused_with_the_reason(
    tmp_path: Path, method: str, params: dict[str, Any], segments: list[bytes], words: str
) -> None:
    """InvalidError, before anything is opened."""
    refused = refusal(tmp_path, method, params, segments)
    assert refused.error == "InvalidError"
    assert words in refused.message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["queue", "dict"])
def test_a_missing_name_is_not_made_unless_asked(tmp_path: Path, kind: str) -> None:
    """NotFoundError says how to make it."""
    refused = refusal(tmp_path, f"{kind}.create", {"name": "jobs"})
    assert refused.error == "NotFoundError"
    assert f"{kind.capitalize()}.from_name('jobs', create_if_missing=True)" in refused.message
    assert refusal(tmp_path, f"{kind}.delete", {"name": "jobs"}).error == "NotFoundError"


def test_kinds_and_environments_have_names_of_their_own(tmp_path: Path) -> None:
    """A queue and a dict may share a name; so may queues of two environments."""
    made = [
        (f"{kind}.create", {"name": "x", "environment": environment, "create_if_missing": True}, ())
        for kind in ("queue", "dict")
        for environment in ("main", "dev", "main")
    ]
    ids = [reply.value["id"] for reply in asyncio.run(ask_all(tmp_path, made))]
    assert len(set(ids)) == 4
    assert ids[0] == ids[2]
    assert ids[3] == ids[5]


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    """VersionError names the file and both versions."""
    with sqlite3.connect(tmp_path / "state.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    refused = refusal(tmp_path, "queue.create", {"name": "q", "create_if_missing": True})
    assert refused.error == "VersionError"
    assert "state.sqlite has schema 99" in refused.message


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """BackendError says which file, and that it can be moved away."""
    (tmp_path / "state.sqlite").write_bytes(b"not a database" * 100)
    refused = refusal(tmp_path, "dict.create", {"name": "d", "create_if_missing": True})
    assert refused.error == "BackendError"
    assert str(tmp_path / "state.sqlite") in refused.message


def test_a_file_that_was_repaired_is_used_again(tmp_path: Path) -> None:
    """The engine recovers by itself once the cause is gone."""

    async def main() -> None:
        service = StateService(tmp_path)
        wanted = {"name": "q", "create_if_missing": True}
        (tmp_path / "state.sqlite").write_bytes(b"not a database" * 100)
        with pytest.raises(RequestError):
            await service.handle("queue.create", wanted)
        (tmp_path / "state.sqlite").unlink()
        assert (await service.handle("queue.create", wanted)).value["created"]
        await service.close()

    asyncio.run(main())


def test_a_full_database_refuses_and_recovers(tmp_path: Path) -> None:
    """ResourceExhaustedError; nothing of the refused request is kept, what was there stays, and room lets it go on."""
    connection = connect_file(tmp_path / "state.sqlite")
    ledger = Ledger(connection)

    def carry_out(method: str, *segments: bytes, **params: Any) -> list[Reply | RequestError | None]:
        done: list[Ticket] = []
        ledger.transact([Ticket(parse(method, params, segments), ephemeral=False)], done)
        return [ticket.outcome for ticket in done]

    (created,) = carry_out("queue.create", name="q", create_if_missing=True)
    assert isinstance(created, Reply)
    queue = {"id": created.value["id"]}
    carry_out("queue.put", b"1", **queue)
    connection.execute("PRAGMA max_page_count = 50").fetchone()
    assert carry_out("queue.get", partition="waits", **queue) == []
    (refused,) = carry_out("queue.put", *[bytes(100_000)] * 5, **queue)
    assert isinstance(refused, RequestError)
    assert refused.error == "ResourceExhaustedError"
    assert [getattr(reply, "value", None) for reply in carry_out("queue.len", total=True, **queue)] == [1]
    connection.execute("PRAGMA max_page_count = 100000").fetchone()
    assert len(carry_out("queue.put", b"2", partition="waits", **queue)) == 2
    assert carry_out("queue.put", *[bytes(100_000)] * 5, **queue) == [Reply({"accepted": True})]
    ledger.close(closing())
