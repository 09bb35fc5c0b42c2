"""The image that `Image.debian_slim()` begins with, made of Debian's packages: no image registry is needed."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from pathlib import Path

from container_engines.engine import Engine
from container_engines.failure import Failure, say
from container_engines.packages import find
from container_engines.places import cache_dir, locked

__all__ = ["CHANGES", "IMAGE", "LABEL", "import_into", "make_tarball"]

#: Debian 12 has Python 3.11.
IMAGE = "python:3.11-slim-bookworm"
LABEL = "intermodal.base-image"

_SUITE = "bookworm"
_PACKAGES = ("ca-certificates", "catatonit", "python3-minimal", "python3-pip", "python3-venv")
#: As in the image of that name: the commands' names, and a pip that may install.
_FINISH = """
set -eu
for name in python python3 python3.11; do ln -sf /usr/bin/python3.11 /usr/local/bin/$name; done
for name in pip pip3 pip3.11; do ln -sf /usr/bin/pip3 /usr/local/bin/$name; done
rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
rm -rf /usr/share/doc/* /usr/share/man/* /usr/share/locale/* /var/cache/apt/*.bin /var/log/*.log /var/log/apt
"""
CHANGES = (
    "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
    "ENV LANG=C.UTF-8",
    'CMD ["python3"]',
)


def _key(mirror: str | None) -> str:
    parts = json.dumps([_SUITE, _PACKAGES, _FINISH, CHANGES, mirror])
    return hashlib.sha256(parts.encode()).hexdigest()[:16]


def import_into(engine: Engine, mirror: str | None) -> None:
    """Give the engine the image, unless it has it: a newer one of ours is replaced, any other is left."""
    found = engine.api.image(IMAGE)
    key = _key(mirror)
    if found is not None and found.labels.get(LABEL, key) == key:
        return
    tarball = make_tarball(mirror)
    say(f"Importing {IMAGE} into {engine.name}.")
    engine.api.import_image(tarball, f"docker.io/library/{IMAGE}", [*CHANGES, f"LABEL {LABEL}={key}"])
    if engine.api.image(IMAGE) is None:
        raise Failure(f"{engine.name} imported {IMAGE}, and then does not know it.")


def make_tarball(mirror: str | None) -> Path:
    """The image's files, made once however many ask. Raises `Failure`."""
    path = cache_dir() / f"{_SUITE}-{_key(mirror)}.tar"
    with locked(path.with_suffix(".lock"), "another tools/engines makes the base image"):
        if not path.exists():
            _bootstrap(path, mirror)
    return path


def _bootstrap(path: Path, mirror: str | None) -> None:
    program = find("mmdebstrap")
    if program is None:
        raise Failure(f"There is no mmdebstrap, and {IMAGE} is made with it: apt-get install mmdebstrap")
    say(f"Making {IMAGE} of Debian's packages (about half a minute, once).")
    began = time.monotonic()
    partial = path.with_suffix(".partial.tar")
    words = [
        program,
        "--variant=minbase",
        f"--include={','.join(_PACKAGES)}",
        f"--customize-hook=chroot \"$1\" sh -c '{_FINISH}'",
        _SUITE,
        str(partial),
        *([mirror] if mirror else []),
    ]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join(done.stderr.splitlines()[-15:])
        raise Failure(f"mmdebstrap failed (is there another mirror for --mirror?):\n{tail}")
    partial.rename(path)
    say(f"Made it in {time.monotonic() - began:.0f} s: {path}, {path.stat().st_size >> 20} MiB.")
