"""What a process wrote to one of its streams, by offset, for any number of readers.

Memory is bounded: a process whose output nobody reads is held back once `UNREAD` bytes wait. Where somebody waits for
its end instead, or it has ended, the rest goes to the sandbox's file, so that nobody waits for ever. What was read
stays for a while, so that a second reader can begin at the start of any short output.
"""

from __future__ import annotations

import asyncio
import bisect
from dataclasses import dataclass

from intermodal.driver.sandboxes.spool import Spool
from intermodal.exception import OutputExpiredError

__all__ = ["Stream"]

#: Bytes that may wait in memory for a reader; bytes that stay there after they were read.
UNREAD, KEPT = 4 << 20, 1 << 20


@dataclass(slots=True)
class _Piece:
    start: int
    data: bytes | None  #: None: in the file, at `place`
    size: int
    place: int = 0


class Stream:
    """Use it on the loop only. `patient`: nothing may be held back, what does not fit goes to `spool`."""

    def __init__(self, spool: Spool, *, patient: bool = False) -> None:
        self._spool = spool
        self._patience = int(patient)
        self._pieces: list[_Piece] = []
        self._size = 0
        self._furthest = 0
        self._memory = 0
        self._over = False
        self._waiters: set[asyncio.Future[None]] = set()

    @property
    def over(self) -> bool:
        """Nothing will be added."""
        return self._over

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._size

    def feed(self, data: bytes) -> None:
        """The next bytes."""
        if self._memory + len(data) > UNREAD and self._patience:
            self._pieces.append(_Piece(self._size, None, len(data), self._spool.append(data)))
        else:
            self._pieces.append(_Piece(self._size, data, len(data)))
            self._memory += len(data)
        self._size += len(data)
        self._wake()

    async def room(self) -> None:
        """Until more may be fed."""
        while self._size - self._furthest >= UNREAD and not self._patience:
            await self._changed()

    def end(self) -> None:
        """Nothing follows."""
        self._over = True
        self._wake()

    def be_patient(self, patient: bool = True) -> None:
        """From now on (or no more) nothing is held back. Calls nest."""
        self._patience += 1 if patient else -1
        self._wake()

    def settle(self) -> None:
        """Its process has ended: move what is long from memory to the file."""
        self.be_patient()
        if self._memory <= KEPT // 16:
            return
        for piece in self._pieces:
            if piece.data is not None:
                piece.place, piece.data = self._spool.append(piece.data), None
        self._memory = 0

    async def read(self, offset: int, limit: int) -> bytes:
        """What follows `offset`, at most `limit` bytes; empty at the end of the stream. Waits for the first.

        Raises:
            OutputExpiredError: it is not kept any more.
        """
        while offset >= self._size and not self._over:
            await self._changed()
        data = self._cut(offset, limit)
        if offset + len(data) > self._furthest:
            self._furthest = offset + len(data)
            self._drop()
            self._wake()
        return data

    def _cut(self, offset: int, limit: int) -> bytes:
        if offset >= self._size:
            return b""
        if not self._pieces or offset < self._pieces[0].start:
            kept = self._pieces[0].start if self._pieces else self._size
            raise OutputExpiredError(
                f"the first {kept:,} bytes of this output were read by another handle and are not kept any more"
            )
        found: list[bytes] = []
        first = bisect.bisect_right(self._pieces, offset, key=lambda piece: piece.start) - 1
        for piece in self._pieces[first:]:
            begin = max(0, offset - piece.start)
            count = min(limit, piece.size - begin)
            found.append(
                self._spool.read(piece.place + begin, count)
                if piece.data is None
                else piece.data[begin : begin + count]
            )
            limit -= count
            if limit <= 0:
                break
        return b"".join(found)

    def _drop(self) -> None:
        gone = 0
        for piece in self._pieces:
            if piece.start + piece.size > self._furthest - KEPT:
                break
            self._memory -= 0 if piece.data is None else piece.size
            gone += 1
        del self._pieces[:gone]

    async def _changed(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
