"""A server that speaks TLS: who it is, is proven; what a client shows to be let in, nobody else can read."""

from __future__ import annotations

import pytest
from server_process import elsewhere, serving
from workplace import Workplace

from certificates import Authority


@pytest.mark.one_user
def test_clients_talk_to_a_server_whose_authority_they_trust(place: Workplace) -> None:
    """With a token, over https; another authority's word counts for nothing, and each mistake says what it is."""
    authority = Authority(place.directory / "authority", "Harbour")
    files = authority.vouch(place.directory / "server", "server", "serverAuth", "IP:127.0.0.1")
    options = ("--require-token", "--tls-cert", str(files / "cert.pem"), "--tls-key", str(files / "key.pem"))
    with serving(place, *options) as server:
        assert server.url.startswith("https://127.0.0.1:")
        token = place.intermodal("token", "create", "sextant").stdout.strip()
        trusting = {
            **elsewhere(server, place),
            "INTERMODAL_TOKEN": token,
            "INTERMODAL_SERVER_CA": str(authority.certificate),
        }
        made = place.intermodal("queue", "create", "berth", env=trusting)
        assert (made.returncode, made.stderr) == (0, "")
        without = place.intermodal("queue", "list", env={**trusting, "INTERMODAL_TOKEN": ""})
        assert "wants a token" in without.stderr
        other = Authority(place.directory / "other", "Pirates").certificate
        for wrong in (str(other), ""):
            refused = place.intermodal("queue", "list", env={**trusting, "INTERMODAL_SERVER_CA": wrong})
            assert refused.returncode == 1
            assert "does not show a certificate that is trusted here" in refused.stderr
            assert "INTERMODAL_SERVER_CA" in refused.stderr
        plain = server.url.replace("https", "http")
        mistaken = place.intermodal("queue", "list", env={**trusting, "INTERMODAL_SERVER_URL": plain})
        assert f"what answers at {plain} is no `intermodal server`" in mistaken.stderr
        assert "(https:// where it speaks TLS)" in mistaken.stderr
        server.end()
