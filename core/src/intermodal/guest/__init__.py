"""What runs inside a container.

Launchers use `main`, or `prepare` and `serve` for snapshot templates, and `preload` in a zygote. Standard library and
cloudpickle only, Python 3.10 syntax.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from intermodal.guest.serving import Prepared

__all__ = ["main", "preload", "prepare", "serve"]


def main(sock: socket.socket, python_path: Sequence[str], shared_memory: bool = True) -> int:
    """Read the boot frame, import, enter, serve until stop; the exit code. On the main thread.

    Where the stream ends without a stop the process ends at once. `shared_memory`: False where the other end of a local
    socket is pumped to another machine, so that descriptors cannot pass.
    """
    from intermodal.guest import serving

    return serving.main(sock, python_path, shared_memory)


def prepare(boot_frame: bytes, python_path: Sequence[str]) -> Prepared:
    """Import the user's module and run `enter(snap=True)`. Never raises for user code: `serve` reports its failure.

    `.void` is None, or says why the process must not be forked (live threads, CUDA in use).
    """
    from intermodal.guest import serving

    return serving.prepare(boot_frame, python_path)


def serve(sock: socket.socket, prepared: Prepared) -> int:
    """Serve what `prepare` made, in a fork of the process that made it; the exit code. On the main thread."""
    from intermodal.guest import serving

    return serving.serve(sock, prepared)


def preload() -> None:
    """Import everything a guest needs, without starting threads, so that forks of this process start fast."""
    import cloudpickle  # noqa: F401

    from intermodal.guest import loading, serving  # noqa: F401

    loading.preload()
