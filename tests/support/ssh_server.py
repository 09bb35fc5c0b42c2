"""An ssh server of a test's own on loopback, and how one gets in."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SBIN", "SshServer", "ssh_server"]

_PATH = os.environ.get("PATH", os.defpath)
_SSH = shutil.which("ssh")
SBIN = os.pathsep.join([_PATH, "/usr/sbin"])
_SECONDS = 60


@dataclass(frozen=True)
class SshServer:
    """A server of this user's. `config` is for `ssh -F`, and knows it as `machine`; `key` is the one that it takes."""

    folder: Path
    port: int
    user: str

    @property
    def config(self) -> Path:
        """Knows the server's name and the key."""
        return self.folder / "ssh_config"

    @property
    def key(self) -> Path:
        """The private key."""
        return self.folder / "user"

    def command_on_path(self, folder: Path, *options: str) -> str:
        """A PATH with a command `ssh` that has `options` besides a user's own."""
        folder.mkdir(parents=True, exist_ok=True)
        command = folder / "ssh"
        command.write_text(f'#!/bin/sh\nexec {_SSH} {" ".join(options)} "$@"\n')
        command.chmod(0o755)
        return f"{folder}{os.pathsep}{_PATH}"


@contextmanager
def ssh_server(folder: Path, environment: Mapping[str, str]) -> Iterator[SshServer]:
    """One that runs. `environment`: variables that it sets for who comes in."""
    for name in ("host", "user", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    values = [f'{name}="{value}"' for name, value in environment.items()]
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\n"
        f"StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin prohibit-password\n"
        + (f"SetEnv {' '.join(values)}\n" if values else "")
    )
    server = SshServer(folder, port, pwd.getpwuid(os.getuid()).pw_name)
    server.config.write_text(
        f"Host machine\n  HostName 127.0.0.1\n  Port {port}\n  User {server.user}\n"
        f"  IdentityFile {server.key}\n  IdentitiesOnly yes\n  StrictHostKeyChecking accept-new\n"
        f"  UserKnownHostsFile {folder}/known\n"
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    words = [str(shutil.which("sshd", path=SBIN)), "-D", "-e", "-f", str(folder / "sshd_config")]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + _SECONDS
        while b"Server listening" not in (folder / "log").read_bytes():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, "the ssh server does not listen"
            time.sleep(0.02)
        yield server
    finally:
        process.terminate()
        process.wait()
