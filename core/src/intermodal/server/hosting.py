"""What all clients of a server share: its storage, and who answers for named objects where no app runs."""

from __future__ import annotations

import asyncio
import json
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from intermodal.client.api import Reply
from intermodal.client.work import Work
from intermodal.driver import EmbeddedSession, StandingClient, sealer, secret_store
from intermodal.driver.elsewhere import Elsewhere
from intermodal.driver.keeping import CallKeeper
from intermodal.driver.requests import in_environment
from intermodal.exception import InvalidError, NotFoundError
from intermodal.plugins import CollectableStorage, Config, GpuDevice, PluginHost, TellingGpus, load
from intermodal.server.arriving import Arriving
from intermodal.server.detached import DetachedApps
from intermodal.server.web import WebApps
from intermodal.specs import SecretName
from intermodal.storage import BlobDirectory, LocalBlobs, Sealer

__all__ = ["Hosting"]


class Hosting:
    """On the server's event loop. Sessions of apps have loops of their own.

    Args:
        watchers: of every session in an environment: plugins with observer hooks, by name.
    """

    def __init__(self, config: Config, watchers: Callable[[str], Mapping[str, object]]) -> None:
        self.config = config
        self.web = WebApps()
        self.detached = DetachedApps()
        self._arriving = config.data_dir / "arriving"
        self._watchers = watchers
        self._sessions: weakref.WeakSet[EmbeddedSession] = weakref.WeakSet()
        self._host: PluginHost | None = None
        self._blobs: LocalBlobs | None = None
        self._standing: StandingClient | None = None

    async def open(self) -> None:
        """Load plugins, lease the storage. Raises `ConfigError`, `PluginError`, `BackendError`."""
        await asyncio.to_thread(Arriving.clear, self._arriving)
        self._host = host = load(self.config)
        storage = host.storage()
        if isinstance(storage, CollectableStorage):
            await storage.lease()
        cache = BlobDirectory(self.config.data_dir / "blobs")
        self._blobs = LocalBlobs(storage, cache, asyncio.get_running_loop())

    async def close(self) -> None:
        """Let go of everything. After the last session has ended."""
        if self._standing is not None:
            await asyncio.to_thread(self._standing.close)
        if self._blobs is not None:
            self._blobs.close()
        if self._host is not None:
            await self._host.close_roles()
            self._host.close()

    async def missing(self, blobs: Sequence[str]) -> list[str]:
        """Which of these the storage lacks; the others stay while this server runs."""
        assert self._host is not None
        storage = self._host.storage()
        return [blob for blob in blobs if not await storage.has(blob)]

    def arriving(self) -> Arriving:
        """Takes the blobs that a client sends."""
        return Arriving(self._arriving)

    async def keep(self, blob: str, path: Path) -> None:
        """Store what has arrived. Raises `InvalidError`: it is not what it is called."""
        assert self._blobs is not None
        await self._blobs.keep({blob: path})

    async def hold(self, reference: str, blobs: Sequence[str]) -> None:
        """Make a reference: as long as it is there, these stay. Raises `NotFoundError`: one is missing."""
        missing = await self.missing(blobs)
        if missing:
            raise NotFoundError(f"{len(missing)} files of the app have not been sent; one of them is {missing[0]}")
        assert self._host is not None
        storage = self._host.storage()
        await storage.swap_ref(reference, None, await storage.put(json.dumps(list(blobs)).encode()))

    async def release(self, reference: str) -> None:
        """What only this reference needs may go."""
        assert self._host is not None
        storage = self._host.storage()
        await storage.swap_ref(reference, await storage.read_ref(reference), None)

    def sealer(self) -> Sealer:
        """Seals what is kept in the database."""
        return sealer(self.config)

    def named_secret(self, environment: str, secret: SecretName) -> dict[str, str]:
        """The values of a named secret of an app in an environment; blocks. Raises `NotFoundError`, `ConfigError`."""
        store, _ = secret_store(self.config)
        where = secret.environment or environment
        values = store.read(secret.name, where)
        lacking = [key for key in secret.required if key not in values]
        if lacking:
            raise NotFoundError(f"the secret {secret.name!r} in environment {where!r} lacks {', '.join(lacking)}")
        return values

    def session(
        self,
        work: Work,
        environment: str,
        observer: object | None,
        elsewhere: Elsewhere,
        keeper: CallKeeper | None = None,
    ) -> EmbeddedSession:
        """A session for an app whose blobs are stored; not entered yet."""
        observers = dict(self._watchers(environment))
        if observer is not None:
            observers["observer"] = observer
        config = self.config.within(environment)
        session = EmbeddedSession(work, config, observers=observers, elsewhere=elsewhere, keeper=keeper)
        self._sessions.add(session)
        return session

    def sessions(self, environment: str, app: str | None = None) -> list[EmbeddedSession]:
        """Those that run in an environment, of one app or of all."""
        return [
            each
            for each in list(self._sessions)
            if each.open and each.environment == environment and app in (None, each.app.name)
        ]

    async def gpus(self) -> tuple[Sequence[GpuDevice], Sequence[str]]:
        """The devices that containers can get, and which of them are held by whom, in words; nothing where the backend
        has none. Raises `ConfigError`, `PluginError`."""
        allocator = None if self._host is None else await asyncio.to_thread(self._host.gpus)
        if allocator is None:
            return (), ()
        holders = await allocator.holders() if isinstance(allocator, TellingGpus) else ()
        return await allocator.inventory(), holders

    async def secret(self, method: str, params: dict[str, Any]) -> Any:
        """`secret.create|read|list|delete`. Raises `NotFoundError`, `AlreadyExistsError`, `InvalidError`."""
        store, _ = secret_store(self.config)
        environment, name = str(params["environment"]), str(params.get("name"))
        match method:
            case "secret.create":
                values = {str(key): str(value) for key, value in params["values"].items()}
                keep = partial(store.create, name, environment, values, overwrite=bool(params["overwrite"]))
                return await asyncio.to_thread(keep)
            case "secret.read":
                return await asyncio.to_thread(store.read, name, environment)
            case "secret.list":
                rows = await asyncio.to_thread(store.list, environment)
                return [[row.name, row.created, list(row.keys)] for row in rows]
            case "secret.delete":
                return await asyncio.to_thread(store.delete, name, environment)
        raise InvalidError(f"there is no request {method!r}")

    async def request(self, environment: str, method: str, params: dict[str, Any], segments: Sequence[bytes]) -> Reply:
        """Ask about named objects, where no app runs. Raises what asking raises."""
        if not method.startswith(("queue.", "dict.", "volume.")):
            raise InvalidError(f"no app runs that could answer {method!r}")
        if self._standing is None:
            self._standing = StandingClient(self.config)
        return await _answer(self._standing, method, in_environment(params, environment), segments)


async def _answer(standing: StandingClient, method: str, params: dict[str, Any], segments: Sequence[bytes]) -> Reply:
    completion = standing.request(method, params, segments)
    try:
        await completion.wait_async()
    except asyncio.CancelledError:
        completion.abandon()
        raise
    return completion.result()
