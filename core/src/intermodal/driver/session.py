"""An embedded session: driver, engine and backend on a background thread of the user's process, nothing to start."""

from __future__ import annotations

import asyncio
import concurrent.futures
import hashlib
import secrets as tokens
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias, TypeVar

from intermodal.client.api import CallTarget
from intermodal.client.work import Work
from intermodal.driver import bundle, pruning
from intermodal.driver.channel import MALFORMED
from intermodal.driver.clients import Peer
from intermodal.driver.driver import Driver
from intermodal.driver.elsewhere import Elsewhere
from intermodal.driver.embedded import EmbeddedClient
from intermodal.driver.keeping import CallKeeper, DetachedCall
from intermodal.driver.loop import LoopThread
from intermodal.driver.request_call import RequestCall
from intermodal.driver.sandboxes import SandboxView
from intermodal.driver.volumes.session import SessionVolumes
from intermodal.driver.web import Feed
from intermodal.engine import PoolView, events
from intermodal.exception import Error, InvalidError, NotFoundError
from intermodal.plugins import BuiltImage, CollectableStorage, Config, PluginHost, load
from intermodal.specs import AppSpec, FileTree, FunctionSpec, ImageSpec
from intermodal.storage import BlobDirectory, LocalBlobs, StateService, TreeStore, Uses
from intermodal.storage.data_dir import using
from intermodal.wire.arena import Arena

__all__ = ["EmbeddedSession"]

OnMalformed: TypeAlias = Callable[[str], None]
T = TypeVar("T")


class _Trees:
    def __init__(self, store: TreeStore, blobs: LocalBlobs) -> None:
        self._store, self._blobs = store, blobs

    def materialise(self, tree: FileTree) -> Path:
        return self._store.materialise(tree, self._blobs)


async def _now(look: Callable[[], T]) -> T:
    return look()


class EmbeddedSession:
    """Runs one app. A context manager: entering starts it, leaving stops every container and removes every trace.

    Args:
        work: what to run; `register` adds more apps later.
        config: default: `Config.load()`.
        grace_s: seconds for running inputs and exit methods at the end; default: as `config` says.
        observers: more plugins by name, with the observer hooks that they like.
        elsewhere: where deployed apps are that its containers call.
        keeper: keeps its detached calls.

    Raises on entering what the plugin host raises: `BackendNotFoundError`, `PluginError`, `ConfigError`,
    `BackendError`.
    """

    def __init__(
        self,
        work: Work,
        config: Config | None = None,
        *,
        grace_s: float | None = None,
        observers: Mapping[str, object] | None = None,
        elsewhere: Elsewhere | None = None,
        keeper: CallKeeper | None = None,
    ) -> None:
        self.id = tokens.token_hex(5)
        self._work = work
        self._config = config or Config.load()
        self._observers = dict(observers or {})
        self._elsewhere = elsewhere
        self._keeper = keeper
        self._grace_s = float(self._config.get("grace_s")) if grace_s is None else grace_s
        self._arena = Arena(on_free=self._segment_freed)
        self._trees = TreeStore(self._config.data_dir)
        self._uses = Uses(self._config.data_dir)
        self._thread: LoopThread | None = None
        self._host: PluginHost | None = None
        self._driver: Driver | None = None
        self._state: StateService | None = None
        self._volumes: SessionVolumes | None = None
        self._blobs: LocalBlobs | None = None
        self.client: EmbeddedClient

    def __enter__(self) -> EmbeddedSession:
        self._host = host = load(self._config)
        try:
            for name, observer in self._observers.items():
                host.add(name, observer)
            if self._work.show_output or self._work.show_progress:
                host.show_output(logs=self._work.show_output, progress=self._work.show_progress)
            self._thread = LoopThread("intermodal-driver")
            with using(self._config.data_dir):
                self._config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # what is in it is its owner's
                self._uses.lease()
                with self._uses.using() as used:
                    self._driver = self._thread.start(self._open(host, self._thread.loop, used)).result()
        except BaseException:
            self.close()
            raise
        self.client = EmbeddedClient(self._driver, self._arena, self.id)
        return self

    async def _open(self, host: PluginHost, loop: asyncio.AbstractEventLoop, used: pruning.Used) -> Driver:
        data_dir = self._config.data_dir
        storage = host.storage()
        if isinstance(storage, CollectableStorage):
            await storage.lease()
        self._blobs = LocalBlobs(storage, BlobDirectory(data_dir / "blobs"), loop)
        await self._blobs.keep(self._work.blobs)
        guest = await asyncio.to_thread(bundle.materialise, data_dir)
        pruning.use_bundle(used, guest)
        self._state = StateService(data_dir)
        self._volumes = SessionVolumes(
            storage,
            self._blobs,
            data_dir,
            self.id,
            self._config.environment,
            float(self._config.get("volume_commit_s")),
        )
        driver = Driver(
            loop,
            host,
            self._blobs,
            _Trees(self._trees, self._blobs),
            guest,
            self._state,
            self._work.secrets,
            self._grace_s,
            float(self._config.get("gpu_wait_s")),
            self.id,
            data_dir,
            self._work.build_secrets,
            self._volumes,
            self._keep_later,
            self._elsewhere,
            self._keeper,
        )
        await driver.open()
        driver.register(self._work.app)
        return driver

    def _segment_freed(self, segment: int) -> None:
        thread, driver = self._thread, self._driver
        if thread is not None and driver is not None and not thread.loop.is_closed():
            thread.loop.call_soon_threadsafe(driver.forget_segment, segment)

    def close(self, grace_s: float | None = None) -> None:
        """Stop everything within `grace_s` seconds (default: the session's) and remove every trace. Idempotent."""
        thread, self._thread = self._thread, None
        if thread is not None:
            try:
                thread.start(self._stop(self._grace_s if grace_s is None else grace_s)).result()
            finally:
                thread.stop()
        host, self._host = self._host, None
        if host is not None:
            host.close()
        self._arena.close()
        self._trees.close()
        self._uses.release()
        if grace_s is None:
            self._trees.tidy()
            pruning.tidy(self._config.data_dir)

    async def _stop(self, grace_s: float) -> None:
        assert self._host is not None
        try:
            if self._blobs is not None:
                self._blobs.close()
            if self._driver is not None:
                await self._driver.stop(grace_s)
            if self._state is not None:
                await self._state.close()
            if self._driver is not None:
                await self._driver.buckets.close()
            if self._volumes is not None:
                await self._volumes.close()
        finally:
            await self._host.close_roles()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # After Ctrl-C nobody wants to wait.
        self.close(1.0 if isinstance(error, KeyboardInterrupt) else None)

    def start(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run a coroutine on the session's loop, from any other thread, while it runs."""
        if self._thread is None:
            raise NotFoundError("the session is not running")
        return self._thread.start(work)

    def request(self, target: CallTarget, payload: bytes, credit: int) -> RequestCall:
        """A call of one input, for a reader on the loop that runs in this thread. Raises `NotFoundError`."""
        return RequestCall(self._opened(), self.client.new_call(), target, payload, credit)

    def open_feed(self) -> Feed:
        """For what comes later of a request to a web function. From any thread, while it runs."""
        return self._opened().web.open_feed()

    def serve_at(self, urls: Mapping[tuple[str, str], str]) -> None:
        """Its web methods (by function's key and method) take requests at these URLs."""
        driver = self._opened()
        driver.loop.call_soon_threadsafe(driver.serve_at, self._work.app, dict(urls))

    def shell(self, key: str, argv: Sequence[str]) -> int:
        """Run `argv` on this process's terminal in a new container like those of the function `key`; its exit code."""
        if self._thread is None or self._driver is None:
            raise NotFoundError("the session is not running")
        return self._thread.start(self._driver.shell(CallTarget(self._work.app.name, key), argv)).result()

    def build(
        self, image: ImageSpec, blobs: Mapping[str, bytes | Path], secrets: Mapping[str, Mapping[str, str]]
    ) -> BuiltImage:
        """Build an image, or find it in the cache. `secrets` are values by the names that it has.

        Raises `ImageBuildError`, `CapabilityNotSupported`.
        """
        if self._thread is None or self._driver is None or self._blobs is None:
            raise NotFoundError("the session is not running")
        self._thread.start(self._blobs.keep(blobs)).result()
        return self._thread.start(self._driver.build(image, secrets)).result()

    async def ready(self, *, trying: bool) -> None:
        """Wait, on a loop of another thread, until all images are built and `min_containers` of each function are up;
        and, where `trying` says so, a container of each of the others has been seen to start, where there is room.

        Raises `ImageBuildError`, `CapabilityNotSupported`, `ContainerStartError`.
        """
        assert self._thread is not None
        await asyncio.wrap_future(self._thread.start(self._opened().readiness.reached(self._work.app, trying=trying)))

    async def idle(self) -> None:
        """Wait, on a loop of another thread, until no call is under way of those that came before."""
        assert self._thread is not None
        await asyncio.wrap_future(self._thread.start(self._opened().calling.all_ended()))

    async def calls_if_unused(self) -> int | None:
        """How many calls there were so far; None while something is in use: a call, a result that is kept, a container,
        a sandbox, scaling that was changed. Asked on a loop of another thread."""
        assert self._thread is not None
        return await asyncio.wrap_future(self._thread.start(_calls_if_unused(self._opened())))

    def register(self, app: AppSpec, blobs: Mapping[str, bytes | Path]) -> None:
        """Make another app's functions callable too."""
        if self._thread is None or self._driver is None or self._blobs is None:
            raise NotFoundError("the session is not running")
        self._thread.start(self._blobs.keep(blobs)).result()
        self._thread.loop.call_soon_threadsafe(self._driver.register, app)

    def receive(self, peer: Peer, header: dict[str, Any], segments: list[bytes], malformed: OnMalformed) -> None:
        """A frame of another process's client. From any thread; `malformed` is called on the session's loop."""
        driver = self._opened()

        def take() -> None:
            try:
                driver.clients.frame(peer, header, segments)
            except MALFORMED as error:
                malformed(f"{type(error).__name__}: {error}")

        driver.loop.call_soon_threadsafe(take)

    async def pools(self) -> list[tuple[FunctionSpec, PoolView]]:
        """What each pool of containers looks like now, with its function; on a loop of another thread. [] where the
        session is ending."""
        if self._thread is None or self._driver is None:
            return []
        return await asyncio.wrap_future(self._thread.start(_now(self._driver.pool_views)))

    async def sandboxes(self) -> list[SandboxView]:
        """Those that were made here; on a loop of another thread. [] where the session is ending."""
        if self._thread is None or self._driver is None:
            return []
        return await asyncio.wrap_future(self._thread.start(_now(self._driver.sandboxes.views)))

    async def resume(self, calls: Sequence[tuple[DetachedCall, CallTarget, Sequence[int]]]) -> list[Error | None]:
        """Begin calls that are kept, where some inputs have their outputs, on a loop of another thread. What each was
        refused with."""
        assert self._thread is not None
        return await asyncio.wrap_future(self._thread.start(self._opened().calling.resume_all(calls)))

    def cancel(self, call: str) -> bool:
        """Cancel what of a call has no output. False where it does not go on here. From any thread."""
        driver = self._driver
        record = driver.calls.get(call) if driver is not None else None
        if driver is None or record is None or record.ended:
            return False
        driver.post_threadsafe(events.CallCancelled(call))
        return True

    def knows(self, call: str) -> bool:
        """Is this call under way here, or are its outputs kept? From any thread."""
        return self._driver is not None and self._driver.calls.get(call) is not None

    def left(self, peer: Peer) -> None:
        """Another process's client is gone, and with it what it has not detached. From any thread."""
        driver = self._opened()
        driver.loop.call_soon_threadsafe(driver.clients.gone, peer)

    def let_go(self, peer: Peer) -> None:
        """Another process's client is gone, and what it has submitted goes on. From any thread."""
        driver = self._opened()
        driver.loop.call_soon_threadsafe(driver.clients.let_go, peer)

    @property
    def app(self) -> AppSpec:
        """What it was made to run."""
        return self._work.app

    @property
    def environment(self) -> str:
        """Where names are looked for that come with none of their own."""
        return self._config.environment

    @property
    def open(self) -> bool:
        """Whether it can still do something."""
        return self._driver is not None and self._driver.calling.refusal is None

    def _opened(self) -> Driver:
        if self._thread is None or self._driver is None:
            raise NotFoundError("the session is not running")
        return self._driver

    async def _keep_later(self, blobs: Mapping[str, bytes]) -> None:
        """What a client sent; checked against its hashes, since a container may have sent it."""
        assert self._blobs is not None
        for name, content in blobs.items():
            if hashlib.sha256(content).hexdigest() != name:
                raise InvalidError(f"a file was sent as {name!r:.80}, which is not the SHA-256 of its bytes")
        await self._blobs.keep(blobs)


async def _calls_if_unused(driver: Driver) -> int | None:
    used = (
        driver.units or driver.scaling or driver.calls.any_left or driver.calling.deciding or driver.sandboxes.any_left
    )
    return None if used else driver.calls.begun
