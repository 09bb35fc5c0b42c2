"""Whatever goes wrong with a request, whoever asked gets an answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from intermodal.driver.replies import refusing, reply_to
from intermodal.exception import NotFoundError
from intermodal.storage import Reply, RequestError


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (NotFoundError("no such thing"), "NotFoundError"),
        (FileNotFoundError(2, "No such file", "x"), "FileNotFoundError"),
        (KeyError("path"), "InvalidError"),
        (RequestError("RuntimeError", "in use"), "RuntimeError"),
        (RecursionError("too deep"), "BackendError"),
        (AttributeError("no such attribute"), "BackendError"),
    ],
)
def test_every_error_becomes_an_answer(error: Exception, name: str) -> None:
    """Without one a container would wait for ever."""
    with pytest.raises(RequestError) as refused, refusing("volume.commit"):
        raise error
    assert refused.value.error == name


@pytest.mark.parametrize(
    ("header", "error", "message"),
    [
        ({"method": "file.size", "params": {"name": "gone"}}, "NotFoundError", "no file 'gone'"),
        ({"method": "file.size", "params": {}}, "InvalidError", "file.size: a parameter is missing"),
        ({"method": "file.size", "params": 7}, "InvalidError", "file.size: a parameter is missing or malformed"),
        ({"params": {"name": "here"}}, "InvalidError", "'method'"),
        ({"method": "file.size"}, "InvalidError", "'params'"),
    ],
)
def test_the_reply_to_what_was_refused_says_why(header: dict[str, Any], error: str, message: str) -> None:
    """Also where the request itself has no method, or parameters that are none."""
    reply, answer = asyncio.run(reply_to({"id": 3, **header}, _size))
    assert message in reply.pop("message")
    assert (reply, answer) == ({"t": "reply", "id": 3, "ok": False, "error": error}, None)


def test_the_reply_to_what_was_answered_has_its_value() -> None:
    """Segments are for the sender."""
    reply, answer = asyncio.run(reply_to({"id": 3, "method": "file.size", "params": {"name": "here"}}, _size))
    assert reply == {"t": "reply", "id": 3, "ok": True, "value": 4}
    assert answer is not None
    assert answer.segments == (b"here",)


async def _size(method: str, params: dict[str, Any]) -> Reply:
    name = params["name"]
    if name != "here":
        raise NotFoundError(f"no file {name!r}")
    return Reply(len(name), (name.encode(),))
