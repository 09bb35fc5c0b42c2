"""`cidr_allowlist=` as users write it (sandbox.net)."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intermodal.definitions.networks import networks
from intermodal.exception import InvalidError


@given(
    st.lists(st.ip_addresses().flatmap(lambda each: st.integers(0, each.max_prefixlen).map(lambda n: f"{each}/{n}")))
)
def test_each_network_is_there_once_in_order(written: list[str]) -> None:
    """In CIDR form, and every address of what was written is in it."""
    written = [str(ip_network(each, strict=False)) for each in written]
    found = networks([*written, *written], block_network=False)
    assert found == tuple(dict.fromkeys(written))


def test_an_address_is_a_network_of_one() -> None:
    """With or without a prefix; nothing said is nothing."""
    assert networks(["192.0.2.7", "2001:db8::1"], False) == ("192.0.2.7/32", "2001:db8::1/128")
    assert networks([], False) == ()
    assert networks(None, True) is None


@pytest.mark.parametrize(
    "wrong",
    ["10.0.0.0/8", ["10.0.0.1/8"], ["example.com"], ["10.0.0.0/33"], [""], [None], [10], [b"1.2.3.4"], 7, {"a": 1}],
)
def test_what_is_no_list_of_networks_is_refused(wrong: Any) -> None:
    """With an example of what to write."""
    with pytest.raises(InvalidError, match=r"10\.0\.0\.0/8"):
        networks(wrong, False)


def test_it_is_all_or_some_or_nothing() -> None:
    """Both at once make no sense."""
    with pytest.raises(InvalidError, match="block_network"):
        networks(["10.0.0.0/8"], True)
