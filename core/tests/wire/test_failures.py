"""Errors of ours that cross the wire by name come out as they went in."""

from __future__ import annotations

import pickle

import pytest

from intermodal.client.errors import named_error
from intermodal.exception import CapabilityNotSupported
from intermodal.wire.payload import failed, failure


@pytest.mark.parametrize(
    "refusal",
    [
        CapabilityNotSupported("gpu.request"),
        CapabilityNotSupported("network", "local", "two lines:\nof advice, with 'quotes': and colons"),
        CapabilityNotSupported("exec", "docker"),
    ],
)
def test_what_is_not_supported_is_said_once(refusal: CapabilityNotSupported) -> None:
    """Whichever way it travels: by its parts, or as one message. It is not nested in another one."""
    ways = (
        named_error("CapabilityNotSupported", str(refusal)),
        failure(failed("CapabilityNotSupported", str(refusal))),
        failure(failed("CapabilityNotSupported", refusal.capability, refusal.backend, refusal.hint)),
        pickle.loads(pickle.dumps(refusal)),
    )
    for came in ways:
        assert isinstance(came, CapabilityNotSupported)
        assert str(came) == str(refusal)
        assert (came.capability, came.backend, came.hint) == (refusal.capability, refusal.backend, refusal.hint)


def test_another_message_is_kept() -> None:
    """Of an error with this name that somebody else has made."""
    assert "what is this" in str(named_error("CapabilityNotSupported", "what is this"))
