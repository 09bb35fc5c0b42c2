"""`python3 -m intermodal.guest`: a guest over a stream that the launcher names."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import threading
from collections.abc import Sequence

from intermodal.guest import main as run


def _serve_stdio(python_path: Sequence[str]) -> int:
    """Serve over this process's stdin and stdout, which user code no longer sees."""
    ours, theirs = socket.socketpair()
    source, sink = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)

    def pump_in() -> None:
        while True:
            data = os.read(source, 1 << 16)
            if not data:
                theirs.shutdown(socket.SHUT_WR)
                return
            theirs.sendall(data)

    def pump_out() -> None:
        while True:
            data = theirs.recv(1 << 16)
            if not data:
                return
            view = memoryview(data)
            while view:
                view = view[os.write(sink, view) :]

    threading.Thread(target=pump_in, daemon=True, name="intermodal-stdin").start()
    writer = threading.Thread(target=pump_out, daemon=True, name="intermodal-stdout")
    writer.start()
    try:
        return run(ours, python_path, shared_memory=False)
    finally:
        ours.close()
        writer.join()


def _connect(address: str) -> socket.socket:
    kind, _, path = address.partition(":")
    if kind != "unix" or not path:
        raise SystemExit(f"--connect takes unix:/path/of/socket, not {address!r}")
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    return sock


def main(argv: Sequence[str]) -> int:
    """Parse the arguments and serve; the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m intermodal.guest")
    stream = parser.add_mutually_exclusive_group(required=True)
    stream.add_argument("--fd", type=int, help="an inherited, connected socket")
    stream.add_argument("--connect", help="unix:/path of a socket to connect to")
    stream.add_argument("--stdio", action="store_true", help="this process's stdin and stdout")
    parser.add_argument("--path", action="append", default=[], help="a directory for sys.path; may be given again")
    options = parser.parse_args(argv)
    path = options.path or ["/root"]
    if options.stdio:
        return _serve_stdio(path)
    if options.fd is not None:
        sock = socket.socket(fileno=options.fd)
        sock.set_inheritable(False)
    else:
        sock = _connect(options.connect)
    return run(sock, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
