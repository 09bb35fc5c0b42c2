"""Rules for a container's network (sandbox.net). What they do is tried by the conformance suite, in real containers."""

from __future__ import annotations

import os
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intermodal.exception import BackendError
from intermodal.plugins import outbound


@given(st.lists(st.ip_addresses(v=4).map(lambda each: f"{each}/32"), max_size=5))
def test_what_no_rule_accepts_is_refused(reachable: list[str]) -> None:
    """Also where the refusal itself could not be told: the policy is to drop."""
    table, policy, *accepted, last, end, _ = outbound.rules(4, reachable).split("\n")
    assert (table, policy, end) == ("*filter", ":OUTPUT DROP [0:0]", "COMMIT")
    assert last.startswith("-A OUTPUT -j REJECT")
    assert accepted == [f"-A OUTPUT {what} -j ACCEPT" for what in ("-o lo", *(f"-d {each}" for each in reachable))]


def test_ipv6_finds_neighbours_only_where_it_is_used() -> None:
    """Without a network of it nothing leaves, not even a question."""
    assert "icmpv6" in outbound.rules(6, ["2001:db8::/32"])
    assert "ACCEPT" not in outbound.rules(6, []).replace("-o lo -j ACCEPT", "")


def test_a_process_that_has_ended_has_no_network() -> None:
    """Nor is that of another with its number taken."""
    process = subprocess.Popen(["true"])
    pidfd = os.pidfd_open(process.pid)
    try:
        process.wait()
        with pytest.raises(BackendError, match="ended"), outbound.network_of(pidfd):
            pass
    finally:
        os.close(pidfd)


def test_it_is_said_what_is_missing() -> None:
    """By name, with what to do."""
    told = outbound.missing("no-such-tool")
    assert told is not None
    assert "as root" in told or "no-such-tool" in told
