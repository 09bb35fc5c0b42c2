"""Where a client connects to, and what it tells nobody on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from intermodal.exception import ConfigError
from intermodal.plugins import Config
from intermodal.remote.address import address


def configured(**settings: str) -> Config:
    """Settings as the command line gives them, and no others."""
    return Config.load(command_line=settings, environ={})


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8700", "http://localhost", "http://[::1]:1/", "https://host.example/at"]
)
def test_a_token_goes_where_nobody_else_reads(url: str) -> None:
    """To this machine, or encrypted."""
    there = address(configured(server_url=url, token="imt-secret"))
    assert there.headers == {"Authorization": "Bearer imt-secret"}
    assert there.websocket == url.replace("http", "ws", 1).rstrip("/") + "/v1/connect"
    assert (there.tls is not None) is url.startswith("https")


@pytest.mark.parametrize("url", ["http://10.0.0.7:8700", "http://host.example", "http://localhost.example"])
def test_a_token_does_not_travel_for_all_to_read(url: str) -> None:
    """Unless the user trusts the network; without one, plain HTTP is as good as any."""
    with pytest.raises(ConfigError, match="for all to read: use an https:// URL") as caught:
        address(configured(server_url=url, token="imt-secret"))
    assert "imt-secret" not in str(caught.value)
    assert address(configured(server_url=url, token="imt-secret", server_plaintext="true")).headers
    assert not address(configured(server_url=url)).headers


@pytest.mark.parametrize("url", ["127.0.0.1:8700", "ftp://host", "http://"])
def test_what_is_no_url_says_what_is_one(url: str) -> None:
    """See `address`."""
    with pytest.raises(ConfigError, match=r"write http\(s\)://HOST"):
        address(configured(server_url=url))


def test_an_authority_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Which file, and which one it should be."""
    (tmp_path / "ca.pem").write_text("not one")
    for name in ("ca.pem", "none.pem"):
        with pytest.raises(ConfigError, match="name the file of the authority that signed the server's certificate"):
            address(configured(server_url="https://host.example", server_ca=str(tmp_path / name)))
