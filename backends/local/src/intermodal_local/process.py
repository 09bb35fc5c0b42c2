"""A process started in a running container, as the launcher hands it out."""

from __future__ import annotations

import asyncio
import socket

from intermodal.plugins.processes import PipedProcess
from intermodal_local.runtime import messages


class LocalProcess(PipedProcess):
    """See `intermodal.plugins.ExecProcess`."""

    def __init__(self, control: socket.socket) -> None:
        """`control` is the end whose other end the process's watcher holds."""
        super().__init__(lambda number: messages.send(control, {"signal": number}))
        self._control = control
        control.setblocking(False)
        asyncio.get_running_loop().add_reader(control, self._told)

    def _told(self) -> None:
        try:
            received = messages.receive(self._control)
        except BlockingIOError:
            return
        except OSError:
            received = None
        if received is not None and "pty" in received[0]:
            self.attach_terminal(received[1][0])
            return
        asyncio.get_running_loop().remove_reader(self._control)
        self._control.close()
        message = received[0] if received is not None else {"code": -9}
        if "error" in message:
            self.failed(str(message["error"]))
        else:
            self.ended(message["code"])
