"""Python interpreters of this host that containers can run on."""

from __future__ import annotations

import asyncio
import glob
import os
import platform
import shutil
import sys

from intermodal.exception import InvalidError
from intermodal_local.rootfs import Python

__all__ = ["find_python", "own_python"]


def own_python() -> Python:
    """The interpreter that this process runs on."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return _python(sys.base_prefix, name, platform.python_version())


async def find_python(version: str) -> Python:
    """An interpreter of `version` ("3.11"-like): this process's own, else one of the host's, else one that uv fetches.

    Raises:
        InvalidError: there is none, and none can be fetched.
    """
    own = own_python()
    if version in ("", own.version) or own.version.startswith(f"{version}."):
        return own
    for executable in _candidates(version):
        found = await _inspect(executable)
        if found is not None:
            return found
    fetched = await _from_uv(version)
    if fetched is not None:
        return fetched
    raise InvalidError(
        f"Python {version} is neither on this host nor could uv fetch it. Install it (`uv python install {version}`), "
        f"or ask for {own.version} with Image.debian_slim(python_version={own.version[:4]!r})"
    )


def _candidates(version: str) -> list[str]:
    minor = ".".join(version.split(".")[:2])
    pyenv = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    places = [f"{pyenv}/versions/{version}*/bin/python{minor}", f"/opt/python*{version}*/bin/python{minor}"]
    return [
        *sorted((path for place in places for path in glob.glob(place)), reverse=True),
        *(path for path in (f"/usr/bin/python{minor}", f"/usr/local/bin/python{minor}") if os.path.exists(path)),
    ]


async def _from_uv(version: str) -> Python | None:
    uv = shutil.which("uv") or os.path.join(os.path.dirname(sys.executable), "uv")
    if not os.path.exists(uv):
        return None
    for arguments in (["python", "find"], ["python", "install"], ["python", "find"]):
        output = (
            await _run(uv, *arguments, "--no-project", version)
            if "find" in arguments
            else await _run(uv, *arguments, version)
        )
        found = await _inspect(output) if output is not None and "find" in arguments else None
        if found is not None:
            return found
    return None


async def _inspect(executable: str) -> Python | None:
    code = "import platform, sys; print(sys.base_prefix, platform.python_version(), sep='\\n')"
    output = await _run(executable, "-I", "-S", "-c", code)
    if output is None:
        return None
    prefix, version = output.splitlines()
    return _python(prefix, f"python{'.'.join(version.split('.')[:2])}", version)


async def _run(*argv: str) -> str | None:
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
    except OSError:
        return None
    output, _ = await process.communicate()
    return output.decode().strip() if process.returncode == 0 and output.strip() else None


def _python(prefix: str, name: str, version: str) -> Python:
    inside = "/usr" if prefix == "/usr" else "/usr/local"
    return Python(prefix=prefix, executable=f"{inside}/bin/{name}", version=version)
