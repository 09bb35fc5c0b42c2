"""Calls over a connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from intermodal.client.api import CallTarget
from intermodal.client.linked import LinkedClient
from intermodal.client.reading import ReadLink
from intermodal.exception import InvalidError
from intermodal.wire.frame import Buffer, FrameReader, encode


def test_a_call_with_more_inputs_than_a_frame_takes_is_not_sent() -> None:
    """What would end the connection is refused before; one input less arrives whole."""
    sent: list[bytes] = []

    def write(header: dict[str, Any], segments: Sequence[Buffer]) -> None:
        sent.append(b"".join(encode(header, segments)))

    client = LinkedClient(ReadLink(write, lambda: OSError("over")))
    target = CallTarget("shop", "square")
    with pytest.raises(InvalidError, match=r"65,535 inputs at most, not 65,536: spawn several calls"):
        client.submit(target, [b"x"] * 65_536, closed=True, detached=True)
    assert sent == []
    client.submit(target, [b"x"] * 65_535, closed=True, detached=True)
    ((header, segments),) = FrameReader().feed(sent[0])
    assert (header["t"], len(segments)) == ("submit", 65_536)
