"""What a token has opened ends soon after the token is revoked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from intermodal.exception import Error
from intermodal.server.admission import Admission

__all__ = ["Opened", "cut_revoked"]

#: Seconds between looks whether tokens have been revoked.
_LOOK_S = 1.0


class Opened(Protocol):
    """What lasts, and was opened with tokens. On the server's loop."""

    def tokens(self) -> set[str]:
        """The digests of those that have opened what is open now."""

    def revoked(self, token: str) -> None:
        """End what this one has opened."""


async def cut_revoked(admission: Admission, opened: Sequence[Opened]) -> None:
    """For ever; nothing where no token is wanted."""
    while admission.wants_token:
        await asyncio.sleep(_LOOK_S)
        for token in {token for each in opened for token in each.tokens()}:
            with suppress(Error):  # where the database does not answer, nothing is known
                if await admission.holder(token) is None:
                    for each in opened:
                        each.revoked(token)
