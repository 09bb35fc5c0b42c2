"""A launcher's connection to process 1 of one container."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from intermodal.plugins.processes import PipedProcess
from intermodal_docker.inside.line import Line
from intermodal_docker.inside.messages import Message

__all__ = ["Life"]


class Life:
    """The connection lasts as long as the container does: its end is the container's end, on either side.

    Args:
        line: what the entrance gave.
        ended: hears how the guest ended, before the end of the connection; see `inside/init.py`.
        gone: hears the end of the connection.
    """

    def __init__(self, line: Line, ended: Callable[[Message], None], gone: Callable[[], None]) -> None:
        self._line = line
        self._ended = ended
        self._gone = gone
        self._processes: dict[int, PipedProcess] = {}
        self._last = 0
        self._over = False
        line.listen(self._take, self._finish)

    @property
    def over(self) -> bool:
        """True where the container has ended."""
        return self._over

    def run(self, python_path: Sequence[str], fds: Sequence[int]) -> None:
        """Start the guest with its stream, standard output and error; what follows in `fds` process 1 holds."""
        self._tell({"t": "run", "path": list(python_path), "fds": len(fds)}, fds)

    def hold(self, fds: Sequence[int]) -> None:
        """Process 1 holds these descriptors as long as it lives."""
        self._tell({"t": "hold", "fds": len(fds)}, fds)

    def end(self) -> None:
        """End the container."""
        if not self._over:
            self._line.end()

    def cut(self) -> None:
        """It is known to have ended."""
        if not self._over:
            self._line.close()
            self._finish()

    async def start(
        self, argv: Sequence[str], env: Mapping[str, str], workdir: str, terminal: tuple[int, int] | None
    ) -> PipedProcess:
        """Start a program in the container. `terminal`: rows and columns, if it is to have one."""
        self._last = number = self._last + 1
        process = PipedProcess(
            lambda which: self._tell({"t": "signal", "n": number, "signal": which}),
            lambda rows, columns: self._line.resize(number, rows, columns),
        )
        self._processes[number] = process
        order = {"t": "exec", "n": number, "argv": list(argv), "env": dict(env), "workdir": workdir}
        if terminal is not None:
            self._tell({**order, "terminal": list(terminal), "fds": 0})
        else:
            (stdin, put), (out, stdout), (err, stderr) = (os.pipe2(os.O_CLOEXEC) for _ in range(3))
            self._tell({**order, "terminal": None, "fds": 3}, [stdin, stdout, stderr])
            for fd in (stdin, stdout, stderr):
                os.close(fd)
            process.attach_pipes(put, out, err)
        if self._over:
            process.ended(-9)
        await process.started()
        return process

    def _tell(self, message: Message, fds: Sequence[int] = ()) -> None:
        if self._over:
            return
        try:
            self._line.tell(message, fds)
        except OSError:
            self._line.end()

    def _take(self, message: Message, fds: list[int]) -> None:
        if message["t"] == "ended":
            self._ended(message)
            return
        number = message["n"]
        if message["t"] == "terminal":
            self._processes[number].attach_terminal(fds[0])
        elif message["t"] == "failed":
            self._processes.pop(number).failed(message["error"])
        elif message["t"] == "exited":
            self._processes.pop(number).ended(message["code"])

    def _finish(self) -> None:
        self._over = True
        for process in self._processes.values():
            process.ended(-9)
        self._processes.clear()
        self._gone()
