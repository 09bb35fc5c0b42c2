"""Small images made of this machine's own files: a shell and some commands, with the libraries that they need."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

__all__ = ["archive_of", "commands_archive", "libraries_of"]

_LIBRARY = re.compile(r"(?:^|=> )\s*(/\S+) \(0x", re.MULTILINE)
COMMANDS = ("sh", "cat", "ln", "ls", "mkdir", "rm")


def commands_archive(commands: Iterable[str] = COMMANDS) -> bytes:
    """A tar archive of these commands in /bin, and their libraries."""
    programs = {f"/bin/{name}": Path(shutil.which(name) or f"/bin/{name}") for name in commands}
    return archive_of({**programs, **libraries_of(programs.values())})


def libraries_of(programs: Iterable[Path]) -> Mapping[str, Path]:
    """The shared libraries that programs, or other libraries, are linked with, by where these look for them."""
    told = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    return {place: Path(place) for place in sorted(set(_LIBRARY.findall(told)))}


def archive_of(files: Mapping[str, Path]) -> bytes:
    """A tar archive of files by their absolute paths inside, and of an empty /tmp."""
    whole = io.BytesIO()
    temporary = tarfile.TarInfo("tmp")
    temporary.type, temporary.mode = tarfile.DIRTYPE, 0o1777
    with tarfile.open(fileobj=whole, mode="w", dereference=True) as archive:
        archive.addfile(temporary)
        for place, source in files.items():
            archive.add(source, place.lstrip("/"), recursive=False)
    return whole.getvalue()
