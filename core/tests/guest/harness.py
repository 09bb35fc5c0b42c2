"""A small host that speaks frames to a real guest in a process of its own."""

from __future__ import annotations

import array
import itertools
import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import cloudpickle

from intermodal.specs import CodeTarget, MethodSpec, to_json
from intermodal.specs.parameters import encode as encode_parameters
from intermodal.wire import columns
from intermodal.wire.arena import Arena, ForeignSegments, LentSegments
from intermodal.wire.frame import FrameReader, encode
from intermodal.wire.messages import PROTOCOL
from intermodal.wire.payload import Payload, dumps, loads, received
from intermodal.wire.raised import Raised, decode, is_raised

SOURCE = Path(__file__).resolve().parents[2] / "src"
PATIENCE = 20.0

#: status, value
Result = tuple[int, Any]


def opened(payload: Payload) -> Any:
    """What a payload from the guest holds: a value, or an exception."""
    return decode(payload) if isinstance(payload, bytes) and is_raised(payload) else loads(payload)


class Host:
    """One guest: `start` it, `send` it inputs, `expect` frames. A context manager that leaves no process behind."""

    def __init__(
        self,
        tmp_path: Path,
        source: str = "",
        *,
        python: Sequence[str] = (sys.executable,),
        path: Path = SOURCE,
        stdio: bool = False,
    ) -> None:
        self.folder = tmp_path
        self.module = "user_module"
        (tmp_path / f"{self.module}.py").write_text(textwrap.dedent(source))
        self.sock, theirs = socket.socketpair()
        self.sock.settimeout(PATIENCE)
        self.process = subprocess.Popen(
            [
                *(*python, "-m", "intermodal.guest", "--path", str(tmp_path)),
                *(("--stdio",) if stdio else ("--fd", str(theirs.fileno()))),
            ],
            pass_fds=[theirs.fileno()],
            env={**os.environ, "PYTHONPATH": str(path)},
            stdin=theirs if stdio else subprocess.DEVNULL,
            stdout=theirs if stdio else subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
        )
        theirs.close()
        self._reader = FrameReader()
        self._frames: list[tuple[dict[str, Any], list[bytes]]] = []
        self._fds: list[int] = []
        self._attempts = itertools.count(1)
        self.releases: list[tuple[int, int]] = []
        self.arena = Arena()
        self.lent = LentSegments()
        self.foreign = ForeignSegments(lambda peer_id, receipts: self.releases.append((peer_id, receipts)))
        #: every frame that was read, in order
        self.seen: list[tuple[dict[str, Any], list[bytes]]] = []
        self.results: dict[int, list[Result]] = {}
        self.logs: list[tuple[int, int, str]] = []

    def __enter__(self) -> Host:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sock.close()
        try:
            out, err = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
        self.raw = ((out or b"").decode(), err.decode())
        if kind is not None:
            print("guest wrote:", *self.raw, file=sys.stderr)

    # ---- frames ----------------------------------------------------------------------------------------------------

    def send(self, header: dict[str, Any], segments: Sequence[Any] = ()) -> None:
        fds: list[int] = []
        raw: list[bytes] = []
        for segment in segments:
            if isinstance(segment, bytes):
                raw.append(segment)
            else:
                if self.lent.lend(segment.segment):
                    header.setdefault("fds", []).append(segment.segment.id)
                    fds.append(segment.segment.fd)
                raw.append(segment.descriptor())
        data = b"".join(encode(header, raw))
        if fds:
            self.sock.sendmsg([data[:1]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
            data = data[1:]
        self.sock.sendall(data)

    def receive(self) -> tuple[dict[str, Any], list[bytes]]:
        while not self._frames:
            data, ancillary, _, _ = self.sock.recvmsg(1 << 18, 1024)
            if not data:
                raise EOFError("the guest closed the stream")
            for _, _, content in ancillary:
                self._fds.extend(array.array("i", content))
            self._frames.extend(self._reader.feed(data))
        header, segments = self._frames.pop(0)
        for peer_id in header.get("fds", ()):
            self.foreign.add(peer_id, self._fds.pop(0))
        self.seen.append((header, segments))
        self._note(header, segments)
        return header, segments

    def _note(self, header: dict[str, Any], segments: list[bytes]) -> None:
        if header["t"] == "results":
            (attempts, statuses), payloads = columns.read(header, columns.RESULTS, segments)
            for attempt, status, segment in zip(attempts, statuses, payloads, strict=True):
                self.results.setdefault(attempt, []).append((status, opened(received(segment, self.foreign))))
        elif header["t"] == "log":
            self.logs.append((header["stream"], header["attempt"], segments[0].decode()))
        elif header["t"] == "release":
            for segment_id, receipts in header["segments"]:
                self.lent.released(segment_id, receipts)

    def expect(self, name: str) -> tuple[dict[str, Any], list[bytes]]:
        """The next frame called `name`."""
        while True:
            header, segments = self.receive()
            if header["t"] == name:
                return header, segments
            assert header["t"] != "failed", opened(segments[0])

    def until(self, condition: Callable[[], Any]) -> None:
        """Read frames until `condition` holds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, "the guest sent other things only"
            self.receive()

    def wait_for_file(self, path: Path) -> None:
        """Wait until user code has made `path`."""
        end = time.monotonic() + PATIENCE
        while not path.exists():
            assert time.monotonic() < end, f"{path} was not made"
            time.sleep(0.002)

    # ---- what a host does --------------------------------------------------------------------------------------------

    def boot(
        self,
        qualname: str = "f",
        *,
        methods: Sequence[MethodSpec] = (MethodSpec(),),
        is_class: bool = False,
        max_inputs: int = 1,
        main: bool = False,
        code: Any = None,
        python: str | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> tuple[dict[str, Any], list[bytes]]:
        """The boot frame."""
        pickled = b"" if code is None else cloudpickle.dumps(code)
        target = CodeTarget(
            module=self.module, qualname=qualname, main=main, python=python, pickled="0" * 64 if code else None
        )
        header = {
            "t": "boot",
            "protocol": PROTOCOL,
            "container": "ct-test",
            "app": "app",
            "function": "f",
            "name": qualname,
            "key": f"{self.module}:{qualname}",
            "target": to_json(target),
            "is_class": is_class,
            "methods": [to_json(method) for method in methods],
            "max_inputs": max_inputs,
            "snapshot": False,
            "parameters": parameters is not None,
        }
        return header, [pickled, encode_parameters(parameters) if parameters is not None else b""]

    def start(self, qualname: str = "f", **options: Any) -> Host:
        """Boot and wait until it is ready."""
        assert self.receive()[0]["t"] == "hello"
        self.send(*self.boot(qualname, **options))
        header, segments = self.receive()
        while header["t"] == "log":
            header, segments = self.receive()
        assert header["t"] == "ready", opened(segments[0])
        return self

    def fails_to_start(self, qualname: str = "f", **options: Any) -> tuple[dict[str, Any], Raised]:
        """Boot; the header and described error of its `failed` frame."""
        assert self.receive()[0]["t"] == "hello"
        self.send(*self.boot(qualname, **options))
        header, segments = self.expect("failed")
        return header, decode(segments[0])

    def inputs(
        self, *arguments: Any, method: str = "", batch: bool = False, payloads: Sequence[Payload] | None = None
    ) -> list[int]:
        """Send inputs in one frame; each argument is a tuple of args or one value. Their attempts."""
        if payloads is None:
            payloads = [dumps((each if isinstance(each, tuple) else (each,), {}), self.arena) for each in arguments]
        attempts = [next(self._attempts) for _ in payloads]
        count = len(attempts)
        rows = (attempts, [0] * count, [*range(count)], [1] * count)
        header: dict[str, Any] = {"t": "inputs", "calls": [["fc-1", method]], "batch": batch}
        self.send(header, [*columns.write(header, columns.INPUTS, rows), *payloads])
        return attempts

    def result(self, attempt: int) -> Result:
        """The only result of an attempt."""
        self.until(lambda: attempt in self.results)
        (result,) = self.results[attempt]
        return result

    def run(self, *arguments: Any, method: str = "") -> Result:
        """One input and its result."""
        (attempt,) = self.inputs(arguments, method=method)
        return self.result(attempt)

    def stop(self) -> int:
        """Stop it in order; the exit code."""
        self.send({"t": "stop", "grace": 5.0})
        self.expect("bye")
        self.sock.close()
        return self.process.wait(PATIENCE)
