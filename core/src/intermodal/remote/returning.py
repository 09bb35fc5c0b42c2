"""Coming back to a server whose connection broke: again and again, until its lease is over."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from intermodal.exception import ConnectionError
from intermodal.remote.connecting import Refused

__all__ = ["Gone", "returned"]

#: Seconds between tries: the first, and the most.
_FIRST_S, _MOST_S = 0.1, 5.0


class Gone(Exception):
    """There is no way back."""

    def __init__(self, why: Exception) -> None:
        self.why = why
        super().__init__(str(why))


def returned(
    url: str, attempt: Callable[[], None], patience_s: float, given_up: threading.Event, say: Callable[[str], None]
) -> None:
    """Try until it works.

    Args:
        attempt: raises `ConnectionError` where it should be tried again.
        patience_s: seconds in which it must come about.
        given_up: set where this end does not want it any more.
        say: is told when it does not work at once, and when it has worked.

    Raises `Gone`: the time is up, or `attempt` raised something else.
    """
    deadline = time.monotonic() + patience_s
    delay, told = _FIRST_S, False
    while True:
        try:
            attempt()
        except Refused as refused:
            raise Gone(refused.why) from None
        except ConnectionError as error:
            if time.monotonic() > deadline:
                message = (
                    f"the connection to the server {url} was lost, and did not come back in {patience_s:g} s "
                    f"({error}): what ran there for this program ends with it"
                )
                raise Gone(ConnectionError(message)) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait for answers get it
            raise Gone(error) from None
        else:
            if told:
                say(f"the connection to {url} is back")
            return
        if not told:
            say(f"the connection to {url} was lost: trying again for {patience_s:g} s")
            told = True
        if given_up.wait(delay * random.uniform(0.5, 1.0)):
            raise Gone(ConnectionError(f"the connection to the server {url} was closed"))
        delay = min(delay * 2, _MOST_S)
