"""What an engine of this machine said of itself, remembered for the next sessions: podman takes long to say it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from intermodal_docker.engine import Engine, EngineInfo

__all__ = ["known_info"]

#: Seconds that an answer holds at most: nobody tells when an engine was given other limits.
_HOLDS_S = 24 * 3600.0


def known_info(engine: Engine, data_dir: Path) -> EngineInfo:
    """As `engine.info()`, from what was remembered where that holds still. Blocks; raises what the engine raises.

    It holds for one release of the engine behind one socket, on this machine as it is since its last start. An engine
    elsewhere, or in a virtual machine, is asked each time.
    """
    marks = _marks(engine)
    if marks is None:
        return engine.info()
    file = data_dir / engine.name / "known" / f"{hashlib.sha256(engine.address.encode()).hexdigest()[:16]}.json"
    remembered = _read(file, marks)
    if remembered is not None:
        return remembered
    info = engine.info()
    if not info.desktop:
        _write(file, marks, info)
    return info


def _marks(engine: Engine) -> list[Any] | None:
    """What changes where the answer may; None where that cannot be told. Raises what the engine raises."""
    if engine.remote:
        return None
    try:
        socket = os.stat(engine.address.partition("://")[2])
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    machine = [boot, os.cpu_count(), os.sysconf("SC_PHYS_PAGES")]
    return [engine.release(), socket.st_dev, socket.st_ino, socket.st_ctime_ns, *machine]


def _read(file: Path, marks: list[Any]) -> EngineInfo | None:
    try:
        told = json.loads(file.read_bytes())
        if told["marks"] != marks or not 0 <= time.time() - told["at"] < _HOLDS_S:
            return None
        return EngineInfo(**{**told["info"], "limits": frozenset(told["info"]["limits"])})
    except (OSError, ValueError, LookupError, TypeError):  # not there, or written by another version
        return None


def _write(file: Path, marks: list[Any], info: EngineInfo) -> None:
    told = {"marks": marks, "at": time.time(), "info": {**asdict(info), "limits": sorted(info.limits)}}
    new = file.with_suffix(f".{secrets.token_hex(4)}")
    with contextlib.suppress(OSError):  # then the next session asks again
        file.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(json.dumps(told))
        new.replace(file)
