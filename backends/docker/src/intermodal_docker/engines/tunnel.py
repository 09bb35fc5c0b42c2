"""An engine's socket on another machine, as a socket of this one: through the command `ssh`, and so with all that a
user has set for it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from intermodal_docker.engine import EngineUnavailable

__all__ = ["Tunnel"]

#: It lasts while its standard input is open: whatever becomes of us, nothing stays.
_SCRIPT = """exec 3<&0; folder=$1; shift
"$@" </dev/null 3<&- & ssh=$!
{ read -r _; kill $ssh; } <&3 >/dev/null 2>&1 & guard=$!
exec 3<&-; wait $ssh; code=$?; kill $guard; rm -rf "$folder"; exit $code"""
_OPTIONS = {
    "BatchMode": "yes",
    "ConnectTimeout": "15",
    "ExitOnForwardFailure": "yes",
    "LocalCommand": "echo up",
    "LogLevel": "ERROR",
    "PermitLocalCommand": "yes",
    "ServerAliveInterval": "10",
}
_ADVICE = {
    "Permission denied": "The machine takes none of your keys: `ssh {0} true` has to work without a question. ssh-add "
    "your key, or name it in ~/.ssh/config",
    "Host key verification failed": "Its key is not known here or has changed: connect once by hand, ssh {0}, and "
    "check it",
    "Could not resolve": "Check the name",
    "Connection refused": "No ssh server listens there: check name and port",
    "timed out": "Check the name, and that a firewall lets ssh through",
    "not accessible": "Check the path of the key",
}


class Tunnel:
    """One ssh connection.

    Args:
        engine: "docker" or "podman", for messages.
        address: "ssh://user@host:port/path/of/the/socket"; user, port and path may lack.
        socket: the path where the address has none.
        identity: a key's file, where the address is to be entered with one that is named.
    """

    def __init__(self, engine: str, address: str, socket: str, identity: str | None = None) -> None:
        parts = urlsplit(address)
        self._engine = engine
        self._there = unquote(parts.path) if parts.path not in ("", "/") else socket
        self._host = f"{parts.username}@{parts.hostname}" if parts.username else str(parts.hostname)
        self._words = [*(("-p", str(parts.port)) if parts.port else ()), *(("-i", identity) if identity else ())]
        self._process: subprocess.Popen[bytes] | None = None

    def open(self) -> str:
        """Connect, and give the address of the socket here. Blocks as long as that takes.

        Raises `EngineUnavailable`.
        """
        if shutil.which("ssh") is None:
            raise EngineUnavailable(f"{self._engine}: there is no command ssh: install it (openssh-client)")
        self._folder = Path(tempfile.mkdtemp(prefix="intermodal-"))
        here, errors = self._folder / "engine.sock", self._folder / "errors"
        options = [word for name, value in _OPTIONS.items() for word in ("-o", f"{name}={value}")]
        command = ["ssh", "-N", "-T", *options, *self._words, "-L", f"{here}:{self._there}", "--", self._host]
        with errors.open("wb") as said:
            self._process = process = subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT, "tunnel", str(self._folder), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                start_new_session=True,  # an interrupt from the keyboard is not meant for it
            )
        assert process.stdout is not None
        with errors.open() as told:
            if process.stdout.readline():
                return f"unix://{here}"
            self.close()
            raise EngineUnavailable(self._why_not(told.read().strip()))

    @property
    def lasts(self) -> bool:
        """False where it has come to its end."""
        return self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """End it. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            process.communicate()

    def _why_not(self, said: str) -> str:
        advice = [words for sign, words in _ADVICE.items() if sign in said]
        fix = (advice[0] if advice else "See that `ssh {0} true` works").format(self._host)
        return f"{self._engine}: no way to {self._host}: {said.rstrip('.') or 'ssh ended'}. {fix}"
