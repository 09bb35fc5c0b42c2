"""Where a client connects to, and what it tells nobody on the way."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from intermodal.exception import ConfigError, ConnectionError
from intermodal.plugins import Config
from intermodal.remote.address import address
from intermodal.remote.http import ServerHttp
from intermodal.remote.line import Line


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


@pytest.mark.parametrize("space", ["\r", "\n", "\r\n", " \t"])
def test_white_space_around_a_token_is_none_of_it(space: str) -> None:
    """As a file with line ends of another system has it."""
    there = address(configured(server_url="http://localhost", token=f"imt-secret{space}"))
    assert there.headers == {"Authorization": "Bearer imt-secret"}


@pytest.mark.parametrize("middle", ["\r", "\r\nX-More: ", "\0", " ", "\x7f", "é", "\N{BULLET}", "\udc80"])
def test_what_no_header_carries_is_refused_as_a_token_and_not_shown(middle: str) -> None:
    """Neither the token nor a part of it; the setting is named."""
    config = Config.load(
        environ={"INTERMODAL_SERVER_URL": "http://localhost", "INTERMODAL_TOKEN": f"imt{middle}secret"}
    )
    with pytest.raises(ConfigError, match="the token from INTERMODAL_TOKEN has characters that no token has") as caught:
        address(config)
    assert "imt" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "url",
    [
        *("127.0.0.1:8700", "ftp://host", "http://", "http://127.0.0.1:abc", "http://[::1", "http://host:99999"),
        *("http://host:0", "http://host/?at=1", "http://host#at"),
    ],
)
def test_what_is_no_url_says_what_is_one(url: str) -> None:
    """See `address`."""
    with pytest.raises(ConfigError, match=r"INTERMODAL_SERVER_URL.*write http\(s\)://HOST"):
        address(configured(server_url=url))


def test_an_authority_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Which file, and which one it should be."""
    (tmp_path / "ca.pem").write_text("not one")
    for name in ("ca.pem", "none.pem"):
        with pytest.raises(ConfigError, match="name the file of the authority that signed the server's certificate"):
            address(configured(server_url="https://host.example", server_ca=str(tmp_path / name)))


def test_a_host_that_cannot_be_one_is_a_server_that_does_not_answer() -> None:
    """Whatever fails on it, for connections and requests."""
    config = configured(server_url="http://a..b", environment="main")
    with pytest.raises(ConnectionError, match=r"no server answers at http://a\.\.b"):
        Line(config)
    with pytest.raises(ConnectionError, match=r"no server answers at http://a\.\.b"):
        ServerHttp(config).get("/v1/logs", {})


@pytest.mark.parametrize("url", ["http://me:hunter2@127.0.0.1:1", "https://hunter2@host", "http://a:hun@ter2@host/x"])
def test_a_password_in_a_url_is_refused_and_not_shown(url: str) -> None:
    """Servers take tokens, and those are told apart from addresses, which are shown."""
    with pytest.raises(ConfigError, match=r"\*\*\*@.*set INTERMODAL_TOKEN") as caught:
        address(configured(server_url=url))
    assert "hun" not in str(caught.value)


class Stranger(BaseHTTPRequestHandler):
    """Another program's server."""

    server_version, sys_version, protocol_version = "Elsewhere/1", "", "HTTP/1.1"

    def do_GET(self) -> None:
        """Whatever is asked for, it is not there."""
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


def test_what_answers_and_is_no_server_of_ours_is_told() -> None:
    """What it says and what it calls itself, for connections and requests."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as other:
        thread = threading.Thread(target=other.serve_forever, daemon=True)
        thread.start()
        config = configured(server_url=f"http://127.0.0.1:{other.server_port}", environment="main")
        for ask in (lambda: Line(config), lambda: ServerHttp(config).get("/v1/logs", {})):
            with pytest.raises(ConnectionError, match=r"is no `intermodal server` of this version: 404.*Elsewhere/1"):
                ask()
        other.shutdown()
        thread.join()
