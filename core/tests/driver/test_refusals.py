"""Whatever goes wrong with a request, whoever asked gets an answer."""

from __future__ import annotations

import pytest

from intermodal.driver.requests import RequestError, refusing
from intermodal.exception import NotFoundError


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
