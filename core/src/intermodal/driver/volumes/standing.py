"""Volumes where no app runs: this process opens their storage itself, behind the interface that apps have."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import secrets
import threading
from collections.abc import Sequence
from typing import Any

from intermodal.client.api import Reply
from intermodal.client.completion import Completion
from intermodal.client.errors import named_error
from intermodal.driver.loop import LoopThread
from intermodal.driver.replies import refusing
from intermodal.driver.requests import in_environment
from intermodal.driver.volumes.places import Places
from intermodal.driver.volumes.sweeping import sweep
from intermodal.exception import InvalidError
from intermodal.plugins import Config, PluginHost, Storage, load
from intermodal.storage import BlobDirectory, LocalBlobs, RequestError
from intermodal.storage.volumes import VolumeService

__all__ = ["StandingVolumes", "standing"]


class StandingVolumes:
    """Answers `volume.*` as `intermodal.client.api.Client` does. Thread-safe.

    Raises on creation what loading plugins raises: `ConfigError`, `PluginError`, `BackendNotFoundError`.
    """

    def __init__(self, config: Config) -> None:
        self._environment = config.environment
        self._host: PluginHost = load(config)
        self._thread = LoopThread("intermodal-volumes")
        self._storage: Storage = self._host.storage()
        self._blobs = LocalBlobs(self._storage, BlobDirectory(config.data_dir / "blobs"), self._thread.loop)
        self._data_dir, session = config.data_dir, secrets.token_hex(8)
        self._places = Places(self._data_dir, session)
        self._service = VolumeService(self._storage, self._blobs, session, self._places.hold)
        self._swept = self._thread.start(sweep(self._data_dir, self._storage))

    def request(self, method: str, params: dict[str, Any], segments: Sequence[bytes] = ()) -> Completion[Reply]:
        """Ask about a volume."""
        completion: Completion[Reply] = Completion()
        if not method.startswith("volume."):
            raise InvalidError(f"no app runs that could answer {method!r}")

        async def work() -> None:
            try:
                with refusing(method):
                    asked = in_environment(params, self._environment)
                    answer = await self._service.handle(method, asked, segments, trusted=True)
                completion.set(Reply(answer.value, answer.segments))
            except RequestError as refused:
                completion.fail(named_error(refused.error, refused.message))
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked
                completion.fail(error)

        self._thread.start(work())
        return completion

    def close(self) -> None:
        """Let go of the storage and end. Idempotent. A process that just ends may leave it undone."""
        self._blobs.close()
        concurrent.futures.wait([self._swept])
        self._thread.start(self._end()).result()
        self._thread.stop()
        self._host.close()

    async def _end(self) -> None:
        await self._service.close()
        await asyncio.to_thread(self._places.close)
        await sweep(self._data_dir, self._storage)
        await self._host.close_roles()


_lock = threading.Lock()
_opened: list[StandingVolumes] = []


def standing() -> StandingVolumes:
    """This process's, opened at its first use: settings that change later are not seen."""
    with _lock:
        if not _opened:
            _opened.append(StandingVolumes(Config.load()))
        return _opened[0]


def _forget() -> None:
    """After a fork the thread is the parent's."""
    global _lock
    _lock = threading.Lock()
    _opened.clear()


os.register_at_fork(after_in_child=_forget)
