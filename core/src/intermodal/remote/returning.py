"""Coming back to a server whose connection broke: again and again, until its lease is over."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from intermodal.exception import ConnectionError
from intermodal.remote.address import Address
from intermodal.remote.connecting import Connection, Refused, take_up
from intermodal.wire.resumption import Claim

__all__ = ["Gone", "returned"]

#: Seconds between tries: the first, and the most.
_FIRST_S, _MOST_S = 0.1, 5.0


class Gone(Exception):
    """There is no way back; `error` says why."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def returned(
    there: Address, claim: Claim, patience_s: float, given_up: threading.Event, say: Callable[[str], None]
) -> tuple[Connection, int]:
    """A connection that takes up the stream, and how much of it the server has received.

    Args:
        patience_s: seconds in which it must come about.
        given_up: set where this end does not want it any more.
        say: is told when it does not work at once, and when it has worked.

    Raises `Gone`.
    """
    deadline = time.monotonic() + patience_s
    delay, told = _FIRST_S, False
    while True:
        try:
            connection, received = take_up(there, claim)
        except Refused as refused:
            raise Gone(refused.__cause__ if isinstance(refused.__cause__, Exception) else refused) from None
        except ConnectionError as error:
            if time.monotonic() > deadline:
                raise Gone(
                    ConnectionError(
                        f"the connection to the server {there.url} was lost, and did not come back in {patience_s:g} s "
                        f"({error}): what ran there for this program ends with it"
                    )
                ) from None
        else:
            if received is None:
                connection.close()
                raise Gone(_forgotten(there))
            if told:
                say(f"the connection to {there.url} is back")
            return connection, received
        if not told:
            say(f"the connection to {there.url} was lost: trying again for {patience_s:g} s")
            told = True
        if given_up.wait(delay * random.uniform(0.5, 1.0)):
            raise Gone(ConnectionError(f"the connection to the server {there.url} was closed"))
        delay = min(delay * 2, _MOST_S)


def _forgotten(there: Address) -> ConnectionError:
    return ConnectionError(
        f"the connection to the server {there.url} was lost, and the server knows nothing of it any more: it was "
        "started anew, or this program was away for too long; what ran there for it has ended"
    )
