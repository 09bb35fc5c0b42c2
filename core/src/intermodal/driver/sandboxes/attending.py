"""The driver's end of a sandbox's attendant (`intermodal.guest.attendant`), which is asked about files inside."""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import itertools
import signal
from collections.abc import Sequence
from typing import Any

from intermodal.exception import BackendError, CapabilityNotSupported
from intermodal.plugins.commands import GUEST_PATH
from intermodal.plugins.roles import Container, ExecProcess, PythonContainer
from intermodal.storage import Reply, RequestError
from intermodal.wire.frame import FrameError, FrameReader, encode

__all__ = ["Attendant", "inside"]

#: A frame of an attendant; clients ask for less.
_LIMIT = 64 << 20
_LAST_WORDS = 2000
#: 2 to the power of this: files and watches that one attendant may have in its life.
_OPEN = 40


def inside(container: Container, call: str) -> list[str]:
    """The program that runs `call`, of a module of the guest's, with the container's Python: by default its image's."""
    python = container.python if isinstance(container, PythonContainer) else ("python3",)
    module, _, _ = call.partition(".")
    start = f"import sys; sys.path.insert(0, {GUEST_PATH!r}); from intermodal.guest import {module}; {call}"
    return [*python, "-I", "-c", start]


class Attendant:
    """A process in the sandbox. What comes from it is checked: the code there may be hostile."""

    def __init__(self, process: ExecProcess) -> None:
        self._process = process
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Reply]] = {}
        self._hello: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._words = b""
        self._over = False
        self._task = asyncio.get_running_loop().create_task(self._listen())

    @classmethod
    async def start(cls, container: Container, number: int) -> Attendant:
        """The `number`-th of this container. Raises `CapabilityNotSupported` where the image has no Python."""
        call = f"attendant.main({number << _OPEN})"
        made = cls(await container.exec(inside(container, call), workdir="/"))
        await asyncio.shield(made._hello)
        return made

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._over

    async def do(self, operation: str, arguments: dict[str, Any], segments: Sequence[bytes] = ()) -> Reply:
        """Ask. Raises `RequestError`, which names an error of the operating system, and `BackendError`."""
        if self._over:
            raise _gone()
        number = next(self._numbers)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            header = {"t": "do", "id": number, "op": operation, "with": arguments}
            try:
                await self._process.write(b"".join(encode(header, segments)))
            except BrokenPipeError:
                raise _gone() from None
            return await answer
        finally:
            self._asked.pop(number, None)

    async def _listen(self) -> None:
        reader = FrameReader(_LIMIT)
        try:
            async for stream, data in self._process.output():
                if stream == 2:
                    self._words = (self._words + data)[-_LAST_WORDS:]
                    continue
                for header, segments in reader.feed(data):
                    self._take(header, segments)
        except (FrameError, KeyError, TypeError, ValueError):
            await self._process.signal(signal.SIGKILL)
        finally:
            self._end()

    def _take(self, header: dict[str, Any], segments: list[bytes]) -> None:
        if header["t"] == "hello":
            if not self._hello.done():
                self._hello.set_result(None)
            return
        answer = self._asked.get(header["id"])
        if answer is None or answer.done():
            return
        if "error" in header:
            answer.set_exception(RequestError(_os_error(header["error"]), str(header["message"])))
        else:
            answer.set_result(Reply(header.get("value"), segments))

    def _end(self) -> None:
        self._over = True
        if not self._hello.done():
            words = self._words.decode(errors="replace").strip()
            hint = f"files of a sandbox are seen with its image's python3, 3.10 or newer, which did not start: {words}"
            self._hello.set_exception(CapabilityNotSupported("sandbox.files", hint=hint))
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(_gone())

    async def close(self) -> None:
        """Its container is gone."""
        with contextlib.suppress(Exception):
            await self._task
        with contextlib.suppress(Exception):
            self._hello.result()


def _gone() -> BackendError:
    return BackendError(
        "what looks at files inside this sandbox was killed there: files that were open are closed; try again, and it "
        "is started anew"
    )


def _os_error(name: Any) -> str:
    kind = getattr(builtins, str(name), None)
    return str(name) if isinstance(kind, type) and issubclass(kind, OSError) else "OSError"
