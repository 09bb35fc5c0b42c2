"""Directories that a server on loopback shows, for who knows a password where there is one: an index of packages,
repositories of git."""

from __future__ import annotations

import base64
import functools
import hashlib
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

__all__ = ["USER", "forms_of", "served", "write_project", "write_repository", "write_wheel"]

#: Who may see what needs a password.
USER = "me"


@contextmanager
def served(directory: Path, password: str = "") -> Iterator[str]:
    """The server's host and port, as long as this lasts. Its lists of directories are what an index's pages are."""
    handler = functools.partial(_Files, password, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def forms_of(password: str) -> tuple[bytes, bytes]:
    """What a file would have in it that keeps the password: itself, or the header that it went into."""
    return password.encode(), base64.b64encode(f"{USER}:{password}".encode())


def write_wheel(index: Path, name: str, version: str) -> None:
    """Add a package, whose module has its name and `__version__`, to the index below `index`."""
    about = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"__version__ = {version!r}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text)}\n"
    files[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n"
    place = index / name
    place.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(place / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)


def write_project(directory: Path, name: str, version: str) -> None:
    """The source of such a package."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "pyproject.toml").write_text(f'[project]\nname = "{name}"\nversion = "{version}"\n')
    (directory / f"{name}.py").write_text(f"__version__ = {version!r}\n")


def write_repository(bare: Path, name: str, version: str) -> None:
    """A bare repository that has it on its branch `main`, and that plain files of a server are enough for."""
    work = bare.with_suffix(".work")
    write_project(work, name, version)
    git = ["git", "-C", str(work), "-c", "user.name=n", "-c", "user.email=e@example.com"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "first"], check=True)
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(bare)], check=True)
    subprocess.run(["git", "-C", str(bare), "update-server-info"], check=True)


class _Files(SimpleHTTPRequestHandler):
    def __init__(self, password: str, *args: object, directory: str) -> None:
        self._login = "Basic " + forms_of(password)[1].decode() if password else ""
        super().__init__(*args, directory=directory)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """A file, or 401."""
        if self._login and self.headers.get("Authorization") != self._login:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""
