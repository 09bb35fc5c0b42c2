"""Room on the host that other sessions hold: whoever was refused asks them, and they let go of what is idle
(scale.resources).

An ask is a small file in the data directory, and a poke to each session says "look there". Removing the file is taking
the ask on, so of many sessions that could help one does; what it cannot give itself it asks of the others in turn.
Nothing is promised: who asks tries again anyway, and asks again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from intermodal.specs import Resources, content_hash, from_json, to_json
from intermodal.storage.pokes import Pokes

__all__ = ["HostRoom"]

#: Seconds for which an ask counts: longer than the longest wait before the next one.
_KEPT_S = 10.0
#: Seconds before the same is asked again.
_PAUSE_S = 0.5


class HostRoom:
    """This session among those of the host that share `data_dir`. On the driver's loop.

    Args:
        left_over: what of an ask would still be lacking if this session helped.
        give: lets idle containers go for it, at once.

    Raises `OSError` where the directory has no place for it.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        data_dir: Path,
        left_over: Callable[[Resources], Resources],
        give: Callable[[Resources], None],
    ) -> None:
        self._loop, self._left_over, self._give = loop, left_over, give
        self._asks = data_dir / "room" / "asks"
        self._asks.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._pokes = Pokes(data_dir / "room" / "sessions")
        self._asked: dict[Resources, float] = {}
        loop.add_reader(self._pokes.fileno(), self._look)

    def ask(self, wanted: Resources) -> None:
        """The host has refused so much."""
        now = self._loop.time()
        self._asked = {asked: at for asked, at in self._asked.items() if now < at + _PAUSE_S}
        if wanted not in self._asked:
            self._asked[wanted] = now
            with contextlib.suppress(OSError):  # a full disk, say: then nobody hears, and the wait is longer
                self._post(f"{self._pokes.name}.{content_hash(wanted)[:16]}", wanted)

    def close(self) -> None:
        """This session asks for nothing any more, and hears nothing."""
        self._loop.remove_reader(self._pokes.fileno())
        for path in [*self._asks.glob(f"{self._pokes.name}.*"), *self._asks.glob(f".{self._pokes.name}.*")]:
            path.unlink(missing_ok=True)
        self._pokes.close()

    def _post(self, name: str, wanted: Resources) -> None:
        """Under a name that stays the same, lest what is asked for again counts twice."""
        hidden = self._asks / f".{self._pokes.name}.{name}"
        hidden.write_text(json.dumps(to_json(wanted)))
        hidden.rename(self._asks / name)
        for session in self._pokes.living() - {self._pokes.name}:
            self._pokes.poke(session)

    def _look(self) -> None:
        self._pokes.drain()
        with contextlib.suppress(OSError):
            for path in sorted(self._asks.iterdir()):
                wanted = None if path.name.startswith(self._pokes.name) else _read(path)
                if wanted is not None:
                    self._help(path, wanted)

    def _help(self, path: Path, wanted: Resources) -> None:
        lacking = self._left_over(wanted)
        if lacking == wanted or not _removed(path):
            return
        self._give(wanted)
        if lacking != Resources(cpu=0.0, memory=0):
            self._post(path.name, lacking)


def _read(path: Path) -> Resources | None:
    """What is asked for there, if it still counts."""
    try:
        if time.time() > path.stat().st_mtime + _KEPT_S:
            path.unlink(missing_ok=True)
            return None
        return None if path.name.startswith(".") else from_json(Resources, json.loads(path.read_text()))
    except (OSError, ValueError):
        return None


def _removed(path: Path) -> bool:
    try:
        os.unlink(path)
    except OSError:
        return False
    return True
