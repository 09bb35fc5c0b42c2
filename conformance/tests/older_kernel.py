"""A plugin with which volumes are mounted as on kernels before 6.5, which cannot put a mount beneath another one: the
system call refuses the flag, as it does there, so a new version comes to lie on top of the old one."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from intermodal.plugins import mounting_process
from mutants.planting import replaced

_SOURCE = Path(mounting_process.__file__)
_FOLDER = Path(tempfile.mkdtemp(prefix="older-kernel-"))
_FOLDER.chmod(0o755)
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
_copy = _FOLDER / _SOURCE.name
_copy.write_text(
    replaced(
        _SOURCE.read_text(),
        "_FROM_EMPTY, _TO_EMPTY, _BENEATH = 0x4, 0x40, 0x200",
        "_FROM_EMPTY, _TO_EMPTY, _BENEATH = 0x4, 0x40, 1 << 30",
        str(_SOURCE),
    )
)
mounting_process.__file__ = str(_copy)  # what `intermodal.plugins.mounter` runs
