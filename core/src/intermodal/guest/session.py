"""What the parts of one guest share while it serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Protocol

from intermodal.guest.channel import Channel
from intermodal.guest.interruption import Interruption
from intermodal.guest.output import LineWriter
from intermodal.guest.results import Clock, Results
from intermodal.guest.running import Running
from intermodal.guest.turns import Seat, Turns
from intermodal.guest.work import Method, Methods, Work, arrivals, attempts_of
from intermodal.wire.payload import Payload

__all__ = ["Runner", "Session"]


class Runner(Protocol):
    """One way of running inputs: on the main thread, on threads, on an event loop."""

    def accept(self, work: Sequence[Work]) -> None:
        """Work has arrived. From any thread, in order."""
        ...

    def take_back(self) -> list[int]:
        """Give up what has not been started; its attempts. From any thread."""
        ...

    def cancel(self, attempts: Sequence[int]) -> None:
        """Interrupt these, all of which are in `Session.cancelled`. From any thread."""
        ...

    def wake(self) -> None:
        """Something changed (credit, a stop): look around. From any thread, and from signal handlers."""
        ...

    @property
    def waiting(self) -> bool:
        """True where accepted work has not been started."""
        ...

    def serve(self) -> None:
        """Run inputs, on the main thread, until the session stops and what had started is finished."""
        ...


class Session:
    """The connection and the state around it. `methods` are what the host may call."""

    def __init__(self, channel: Channel, writers: Sequence[LineWriter], on_end: Callable[[str], None]) -> None:
        self.channel = channel
        self.turns = Turns(channel, on_end)
        self.clock = Clock()
        self.results = Results(channel, self.clock)
        self.running = Running()
        self.interruption = Interruption(channel.wake)
        self.writers = tuple(writers)
        self.methods = Methods()
        self.runner: Runner | None = None
        self.attend: Callable[[], None] = lambda: None  #: wakes the monitor
        #: attempts whose end the host has recorded already
        self.cancelled: set[int] = set()
        #: items that generators may send in all, by attempt; only the thread that reads changes it
        self.granted: dict[int, int] = {}
        self.has_generators = False
        self.stopping = False
        self.grace = 10.0
        self._early: list[Work] = []
        self.turns.handle(
            {
                "inputs": self._on_inputs,
                "cancel": self._on_cancel,
                "credit": self._on_credit,
                "stop": self._on_stop,
                "release": lambda header, _: channel.on_release(header["segments"]),
                "forget": lambda header, _: channel.on_forget(header["segments"]),
            }
        )

    def use(self, methods: dict[str, Method]) -> None:
        """What the host may call from now on."""
        self.methods = Methods(methods)
        self.has_generators = any(method.is_generator for method in methods.values())

    def start(self, runner: Runner) -> None:
        """Run inputs with `runner` from now on, those first that came early."""
        self.runner = runner
        early, self._early = self._early, []
        if early:
            runner.accept(early)

    def _on_inputs(self, header: dict[str, Any], segments: list[bytes]) -> None:
        work = arrivals(self.channel, self.methods, header, segments)
        if self.has_generators:
            for attempt in chain.from_iterable(map(attempts_of, work)):
                self.granted[attempt] = 0
        if self.runner is None:
            self._early.extend(work)
        else:
            self.runner.accept(work)

    def _on_cancel(self, header: dict[str, Any], _: list[bytes]) -> None:
        self.cancelled.update(header["attempts"])
        if self.runner is not None:
            self.runner.cancel(header["attempts"])

    def _on_credit(self, header: dict[str, Any], _: list[bytes]) -> None:
        attempt = header["attempt"]
        if attempt in self.granted:
            self.granted[attempt] += header["items"]
            if self.runner is not None:
                self.runner.wake()

    def _on_stop(self, header: dict[str, Any], _: list[bytes]) -> None:
        self.grace = float(header.get("grace", self.grace))
        self.stop()

    def stop(self) -> None:
        """Finish what runs, give back the rest, leave. Safe in a signal handler."""
        self.stopping = True
        self.channel.wake()
        if self.runner is not None:
            self.runner.wake()

    def give_back(self) -> None:
        """Return what has not been started to the host."""
        if self.runner is not None:
            attempts = self.runner.take_back()
            if attempts:
                self.cancelled.difference_update(attempts)
                self.channel.send({"t": "returned", "attempts": attempts})

    def send_line(self, stream: int, attempt: int, lines: bytes) -> None:
        """Complete lines of output."""
        self.channel.send({"t": "log", "stream": stream, "attempt": attempt}, (lines,))

    def finish(self, attempt: int, status: int, payload: Payload, more: object = None) -> None:
        """The end of an attempt: what it left of a line goes out first. `more`: see `Results.add`."""
        self.end_lines(attempt)
        if self.cancelled:
            self.cancelled.discard(attempt)
        self.results.add(attempt, status, payload, more)

    def end_lines(self, attempt: int) -> None:
        """Send what the attempt left of a line."""
        for writer in self.writers:
            writer.end_of(attempt)

    def block(self, ready: Callable[[], Any], seat: Seat, timeout: float | None = None) -> bool:
        """A wait of user code: ends early (False) where the main thread is to be interrupted."""
        interruption = self.interruption
        with interruption:
            self.turns.wait(lambda: ready() or interruption.pending, seat, timeout)
            return bool(ready())
