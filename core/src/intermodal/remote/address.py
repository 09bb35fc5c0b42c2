"""Where the server is, and what a connection to it needs: from the settings `server_url`, `server_ca`, `token`."""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from intermodal.exception import ConfigError, ConnectionError
from intermodal.plugins import Config
from intermodal.plugins.shown_urls import shown_url

__all__ = ["Address", "address", "reaching", "split", "stranger"]

#: What a header can carry and a server gives out: no space, nothing that is not ASCII.
_TOKEN = re.compile(r"[!-~]*")


@dataclass(frozen=True)
class Address:
    """`url` is the user's, `websocket` where clients connect; `tls` is None for plain HTTP."""

    url: str
    websocket: str
    headers: dict[str, str]
    tls: ssl.SSLContext | None


def address(config: Config) -> Address:
    """That of the server that is configured.

    Raises `ConfigError`: the URL is none, the authority's file cannot be read, the token is none, or it would be there
    for all to read.
    """
    url, token = str(config.get("server_url")).strip(), _token(config)
    parts = split(url, "server_url (INTERMODAL_SERVER_URL)")
    secure = parts.scheme == "https"
    if token and not secure and not _is_loopback(parts) and not config.get("server_plaintext"):
        raise ConfigError(
            f"the token would travel to {url} for all to read: use an https:// URL (`intermodal server --tls-cert FILE "
            "--tls-key FILE`), or set INTERMODAL_SERVER_PLAINTEXT=true where you trust the network"
        )
    return Address(
        url=url,
        websocket=f"{'wss' if secure else 'ws'}://{parts.netloc}{parts.path.rstrip('/')}/v1/connect",
        headers={"Authorization": f"Bearer {token}"} if token else {},
        tls=_trusting(config.get("server_ca")) if secure else None,
    )


@contextmanager
def reaching(there: Address, strange: type[Exception]) -> Iterator[None]:
    """Around what connects: failures become a `ConnectionError` that says what to do, `strange` is one that somebody
    gives who is no server of ours."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise ConnectionError(
            f"the server at {there.url} does not show a certificate that is trusted here ({error.verify_message}): for "
            "one of your own authority, set INTERMODAL_SERVER_CA to that authority's PEM file"
        ) from None
    except strange as error:
        raise stranger(there, str(error)) from None
    except (OSError, UnicodeError) as error:  # names of hosts are encoded
        raise ConnectionError(
            f"no server answers at {there.url} ({error}): start it with `intermodal server`, or mend "
            "INTERMODAL_SERVER_URL"
        ) from None


def stranger(there: Address, said: str, server: str = "") -> ConnectionError:
    """The error for an answer that no server of ours gives. `server` is what it calls itself."""
    who = f", from {server:.60}" if server else ""
    plain = " (https:// where it speaks TLS)" if there.tls is None else ""
    return ConnectionError(
        f"what answers at {there.url} is no `intermodal server` of this version: {said:.200}{who}. Mend "
        f"INTERMODAL_SERVER_URL{plain}, or install the same version of intermodal at both ends"
    )


def split(url: str, what: str) -> SplitResult:
    """The parts of a server's URL. Raises `ConfigError`, which says that `what` is none."""
    if shown_url(url) != url:
        raise ConfigError(
            f"{what} is {shown_url(url)!r}, with a name or password in it, which no server takes: leave that away, and "
            "set INTERMODAL_TOKEN to what `intermodal token create NAME` printed"
        )
    with suppress(ValueError):  # of brackets without an end, and of ports that are none
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        if known and not parts.query and not parts.fragment:
            return parts
    raise ConfigError(f"{what} is {url!r}, which is no URL of a server: write http(s)://HOST[:PORT]")


def _token(config: Config) -> str:
    """Without the white space around it, as a file's last line has it. It is not shown, whatever it is."""
    token = str(config.get("token")).strip()
    if _TOKEN.fullmatch(token) is None:
        raise ConfigError(
            f"the token from {config.origin('token')} has characters that no token has (white space, line ends, or "
            "others than letters, digits and signs of ASCII): set it to the line that `intermodal token create NAME` "
            "printed, and to nothing else"
        )
    return token


def _is_loopback(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _trusting(authority: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if authority is None else str(authority))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"server_ca: {authority} has no certificates in PEM form ({error}): name the file of the authority that "
            "signed the server's certificate"
        ) from None
