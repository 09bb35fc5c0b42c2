"""Headers on their way through the gateway."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intermodal.gateway.headers import bearer, checked, for_app, for_client, traceparent

headers = st.lists(st.tuples(st.binary(max_size=6), st.binary(max_size=6)), max_size=4)


@given(headers)
def test_what_passes_splits_no_response(some: list[tuple[bytes, bytes]]) -> None:
    """Whatever a container sends: all pass, or all are refused."""
    try:
        passed = checked(some)
    except ValueError:
        return
    line = b"\r\n".join(name + b": " + value for name, value in passed)
    assert line.count(b"\n") == max(len(some) - 1, 0)
    assert all(name and b":" not in name and b" " not in name for name, _ in passed)


def test_a_connection_s_own_headers_stay_on_it() -> None:
    """Both ways; a WebSocket's app sees what makes it one. What says who may come is not for apps."""
    sent = [(b"host", b"h"), (b"connection", b"X-Mine, close"), (b"x-mine", b"1"), (b"te", b"a"), (b"cookie", b"c")]
    assert for_app([*sent, (b"proxy-authorization", b"Bearer t")], upgrade=False) == [
        (b"host", b"h"),
        (b"cookie", b"c"),
    ]
    assert for_app([*sent, (b"modal-secret", b"t")], upgrade=True) == sent
    shared = [(b"Service-Worker-Allowed", b"/"), (b"Cross-Origin-Opener-Policy", b"same-origin")]
    assert for_client(shared) == []
    assert for_client([(b"Connection", b"x"), (b"X", b"1"), (b"Transfer-Encoding", b"chunked"), (b"A", b"2")]) == [
        (b"a", b"2")
    ]


@pytest.mark.parametrize("name", [b"host", b"content-length", b"authorization"])
def test_connection_cannot_take_away_what_a_request_means(name: bytes) -> None:
    """Naming it there is an old trick."""
    assert (name, b"1") in for_app([(b"connection", name), (name, b"1")], upgrade=False)


def test_a_token_comes_as_proxies_and_modal_s_users_send_it() -> None:
    """web.kinds: `requires_proxy_auth`."""
    assert bearer([(b"proxy-authorization", b"Bearer  t ")]) == "t"
    assert bearer([(b"proxy-authorization", b"Basic t")]) == ""
    assert bearer([(b"modal-key", b"k"), (b"modal-secret", b"t")]) == "t"
    assert bearer([(b"authorization", b"Bearer t")]) == ""


def test_the_trace_of_a_request_is_its_header() -> None:
    """As W3C's Trace Context names it; a request without one is in none."""
    assert traceparent([(b"host", b"x"), (b"traceparent", b"00-0af7-b7ad-01")]) == "00-0af7-b7ad-01"
    assert traceparent([(b"host", b"x")]) == ""
