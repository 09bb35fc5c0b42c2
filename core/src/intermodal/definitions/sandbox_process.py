"""`ContainerProcess`: what `Sandbox.exec` gives (sandbox.exec)."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from intermodal.client.checking import checked_class
from intermodal.client.dual import dual
from intermodal.definitions.sandbox_client import ask
from intermodal.definitions.sandbox_streams import StreamReader, StreamWriter
from intermodal.exception import InvalidError

__all__ = ["ContainerProcess"]

T = TypeVar("T", str, bytes)


@checked_class
class ContainerProcess(Generic[T]):
    """A process that was started in a sandbox. It pickles as a handle, whose streams begin at the start."""

    def __init__(self, sandbox: str, process: str, *, text: bool = True, by_line: bool = False) -> None:
        self._of = (sandbox, process)
        self._how = (text, by_line)
        self._code: int | None = None
        self._stdout: StreamReader[T] = StreamReader(sandbox, process, 1, text=text, by_line=by_line)
        self._stderr: StreamReader[T] = StreamReader(sandbox, process, 2, text=text, by_line=by_line)
        self._stdin = StreamWriter(sandbox, process)

    @property
    def stdin(self) -> StreamWriter:
        """Its standard input."""
        return self._stdin

    @property
    def stdout(self) -> StreamReader[T]:
        """Its standard output. One with a terminal has all its output here."""
        return self._stdout

    @property
    def stderr(self) -> StreamReader[T]:
        """Its standard error."""
        return self._stderr

    @property
    def returncode(self) -> int:
        """What `wait` or `poll` gave. Raises `InvalidError` before."""
        if self._code is None:
            raise InvalidError("the process has not been seen to end: call wait() or poll() before")
        return self._code

    @dual
    async def wait(self) -> int:
        """Wait for its end. The exit code: 128 + n where signal n ended it, 127 where there is no such program, and -1
        where it took longer than its `timeout`."""
        self._code = (await self._ask("wait")).value["code"]
        assert self._code is not None
        return self._code

    @dual
    async def poll(self) -> int | None:
        """The same without waiting; None while it runs."""
        self._code = (await self._ask("wait", now=True)).value["code"]
        return self._code

    async def _ask(self, operation: str, **params: Any) -> Any:
        sandbox, process = self._of
        return await ask(sandbox, operation, process=process, **params)

    def __repr__(self) -> str:
        return f"ContainerProcess({self._of[0]!r}, {self._of[1]!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _process, (*self._of, *self._how)


def _process(sandbox: str, process: str, text: bool, by_line: bool) -> ContainerProcess[Any]:
    return ContainerProcess(sandbox, process, text=text, by_line=by_line)
