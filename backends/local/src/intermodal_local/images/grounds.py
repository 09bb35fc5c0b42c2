"""Finds what an image stands on: its interpreter, the host's userland, and uv."""

from __future__ import annotations

import asyncio
import hashlib
import platform
from pathlib import Path

from intermodal.plugins.building import find_uv
from intermodal.specs import ImageBase
from intermodal_local.base import Base, prepare_base
from intermodal_local.images.foreign import own_base
from intermodal_local.images.ground import Ground
from intermodal_local.images.keys import BaseIdentity
from intermodal_local.images.namespaces import NamespaceGround
from intermodal_local.images.processes import ProcessGround
from intermodal_local.interpreters import find_python
from intermodal_local.rootfs import Python

__all__ = ["Grounds"]


class Grounds:
    """Gives the grounds of one data directory.

    Args:
        isolation: "namespaces" or "process".
    """

    def __init__(self, data_dir: Path, isolation: str) -> None:
        self._data = data_dir
        self._isolation = isolation
        self._bases: dict[Python, Base] = {}  #: held, for layers are made on them

    async def find(self, base: ImageBase) -> Ground:
        """The ground for `base`.

        Raises:
            CapabilityNotSupported: it is not this host's userland.
            InvalidError: no such Python.
            BackendError: this host cannot carry it.
        """
        python = await find_python(own_base(base).python)
        return await asyncio.to_thread(self._find, python)

    def _find(self, python: Python) -> Ground:
        identity = BaseIdentity(
            system=f"{_text('/etc/os-release')} {platform.machine()}",
            python=f"{python.version} {python.prefix}",
            packages=hashlib.sha256(_text("/var/lib/dpkg/status").encode()).hexdigest(),
            isolation=self._isolation,
        )
        if self._isolation == "process":
            cache = self._data / "local" / "uv-cache"
            cache.mkdir(parents=True, exist_ok=True)
            return ProcessGround(identity=identity, interpreter=python, uv=find_uv(), cache=cache)
        base = self._bases.get(python) or self._bases.setdefault(python, prepare_base(self._data, python))
        return NamespaceGround(
            identity=identity,
            interpreter=python,
            base=base.lowers,
            uv=find_uv(),
            caches=self._data / "local" / "caches",
        )


def _text(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except FileNotFoundError:
        return ""
