"""Web decorators (web.kinds)."""

from __future__ import annotations

from typing import Any

import pytest

import intermodal
from intermodal.exception import InvalidError
from intermodal.specs import WebSpec


def page() -> str:
    """A function of the user's."""
    return ""


def test_decorators_say_all_that_they_were_told() -> None:
    """Also around and within other decorators."""
    told: Any = intermodal.fastapi_endpoint(method="post", docs=True, label="a", requires_proxy_auth=True)(page)
    assert told.web == WebSpec(kind="fastapi_endpoint", method="POST", docs=True, label="a", requires_proxy_auth=True)
    told = intermodal.web_server(8000, startup_timeout=30)(page)
    assert told.web == WebSpec(kind="web_server", port=8000, startup_timeout_s=30.0)
    told = intermodal.concurrent(max_inputs=9)(intermodal.asgi_app()(page))
    assert (told.web.kind, told.concurrency.max_inputs) == ("asgi_app", 9)
    told = intermodal.asgi_app()(intermodal.concurrent(max_inputs=9)(page))
    assert (told.web.kind, told.concurrency.max_inputs) == ("asgi_app", 9)


@pytest.mark.parametrize("label", ["", "A", "a_b", "-a", "a-", "a" * 64, "ä", "a/b", 3])
def test_a_label_is_a_part_of_a_host_s_name(label: Any) -> None:
    """Everything else is refused."""
    with pytest.raises(InvalidError, match="label"):
        intermodal.wsgi_app(label=label)


def test_wrong_arguments_are_refused_with_what_is_right() -> None:
    """At the line where they stand."""
    with pytest.raises(InvalidError, match="one of GET, POST"):
        intermodal.fastapi_endpoint(method="FETCH")
    with pytest.raises(InvalidError, match="from 1 to 65535"):
        intermodal.web_server(0)
    with pytest.raises(InvalidError, match="seconds above 0"):
        intermodal.web_server(80, startup_timeout=0)
    with pytest.raises(InvalidError, match="below @app"):
        intermodal.asgi_app()(intermodal.App("late").function()(page))
    with pytest.raises(InvalidError, match="do not go together"):
        intermodal.asgi_app()(intermodal.batched(max_batch_size=2, wait_ms=1)(lambda x: x))
