"""Deployed apps: versions come, take over and go (deploy.rolling), and come back when the server does."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

from intermodal.driver import EmbeddedSession
from intermodal.driver.elsewhere import Elsewhere
from intermodal.exception import InvalidError, NotFoundError, RemoteError
from intermodal.server.calls import Calls
from intermodal.server.deployed import Deployed, Running
from intermodal.server.environments import Environments
from intermodal.server.hosting import Hosting
from intermodal.server.late_changes import LateChanges
from intermodal.server.nested import Nested
from intermodal.server.package import Package, package_from
from intermodal.server.trouble import UNAVAILABLE
from intermodal.server.version_table import Label, Version, VersionTable
from intermodal.server.versions import (
    OVER,
    AppStopped,
    Begun,
    Broken,
    Drained,
    Event,
    Ready,
    Restarted,
    State,
    changes,
    earlier,
)
from intermodal.specs import AppSpec

__all__ = ["Changed", "Deployments"]

_log = logging.getLogger("intermodal.server")

#: Versions of an app that are kept of those that are over.
_KEPT = 20
#: Seconds that a look at whether an app may rest takes at most, with the end of its session.
_REST_S = 60.0
#: Detached calls that are found without asking sessions.
_BEGUN = 10_000

#: Seconds between tries to write down what could not be.
_LATE_S = 2.0
#: What goes on although it cannot be written down: the next server would find the same, or end it.
_ENDS = (AppStopped, Broken, Drained)

_App: TypeAlias = tuple[str, str]  # environment, name


@dataclass(frozen=True, slots=True)
class Changed:
    """A version of an app has changed its state."""

    environment: str
    app: str
    number: int
    state: State


class Deployments:
    """All deployed apps of a server. On its loop."""

    def __init__(self, hosting: Hosting, table: VersionTable, environments: Environments, calls: Calls) -> None:
        self.calls = calls  #: the detached ones
        self._hosting = hosting
        self._table = table
        self._environments = environments
        self._states: dict[_App, dict[int, State]] = {}
        self._versions: dict[tuple[_App, int], Deployed] = {}
        self._live: dict[_App, Deployed] = {}
        self._begun: OrderedDict[str, weakref.ref[EmbeddedSession]] = OrderedDict()
        self._late = LateChanges()
        self._gate = asyncio.Lock()
        self._listeners: list[Callable[[Changed], None]] = []
        self._checks: list[Callable[[str, AppSpec], None]] = []
        self._work: set[asyncio.Task[Any]] = set()

    # ---- the server's own life ------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Bring back what was live: versions with `min_containers` start now, others at their first call."""
        for version in await asyncio.to_thread(self._table.all):
            self._states.setdefault((version.environment, version.app), {})[version.number] = version.state
            if version.state == "live":
                app = version.environment, version.app
                self._live[app] = self._versions[app, version.number] = self._deployed(version)
        for app in list(self._states):
            await self._happened(app, Restarted(), "the server ended meanwhile")
        for deployed in self._live.values():
            if deployed.version.warm:
                self.background(self._warm_up(deployed))
        self.background(self._let_rest(float(self._hosting.config.get("app_idle_s"))))

    async def close(self) -> None:
        """End all sessions; what is live comes back with the next server, and so do calls."""
        self.calls.leave()
        for task in list(self._work):
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        closing = (deployed.close() for deployed in self._versions.values())
        await asyncio.gather(*closing, return_exceptions=True)

    def listen(self, heard: Callable[[Changed], None]) -> None:
        """Have `heard` called on this loop after each change of a version's state."""
        self._listeners.append(heard)

    def check_with(self, check: Callable[[str, AppSpec], None]) -> None:
        """Have `check` called with the environment and the app of each new version before anything of it is made; what
        it raises refuses the version."""
        self._checks.append(check)

    # ---- what is there --------------------------------------------------------------------------------------------

    def live(self) -> list[Version]:
        """The versions that take calls: one for each app that is deployed."""
        return [deployed.version for deployed in self._live.values()]

    def live_names(self, environment: str) -> list[str]:
        """The apps of an environment that take calls."""
        return [app for where, app in self._live if where == environment]

    def is_live(self, environment: str, app: str) -> bool:
        """Does a version of it take calls?"""
        return (environment, app) in self._live

    def check_live(self, environment: str, app: str) -> None:
        """Raises `NotFoundError`, which lists what is deployed."""
        self._of(environment, app)

    def check_known(self, environment: str, app: str) -> None:
        """Raises `NotFoundError`, which lists what is deployed: the app is not, nor was it before."""
        if not self._states.get((environment, app)):
            raise self._unknown(environment, app)

    async def package_of(self, environment: str, app: str) -> Package:
        """What the live version of an app runs. Raises `NotFoundError`, which lists what is deployed."""
        return await self._of(environment, app).package()

    async def running_of(self, environment: str, app: str) -> Running:
        """An app's live version, started where it was not.

        What is given to its session before this loop goes on is still carried out where a newer version takes over
        meanwhile: so do not await between this and `EmbeddedSession.receive`.

        Raises `NotFoundError`, which lists what is deployed, and what starting a session raises.
        """
        while True:
            deployed = self._of(environment, app)
            running = await deployed.running()
            if self._live.get((environment, app)) is deployed:
                return running

    def running_now(self, environment: str, app: str) -> Running | None:
        """The same at once; None where it does not run yet. Raises `NotFoundError`."""
        return self._of(environment, app).now

    def with_call(self, call: str) -> EmbeddedSession | None:
        """The session that knows a detached call."""
        just_begun = self._begun.get(call)
        session = just_begun() if just_begun is not None else None
        if session is not None and session.open:
            return session
        for deployed in self._versions.values():
            running = deployed.now
            if running is not None and running.session.knows(call):
                return running.session
        return None

    def begun(self, call: str, session: EmbeddedSession) -> None:
        """A detached call was given to a session, which may not have looked at it yet."""
        self._begun[call] = weakref.ref(session)
        if len(self._begun) > _BEGUN:
            self._begun.popitem(last=False)

    async def versions(self, environment: str, app: str | None = None) -> list[Version]:
        """Of one app, or of all of an environment, the oldest first. Raises `NotFoundError`: there is no such app, or
        no such environment."""
        self._environments.check(environment)
        found = await asyncio.to_thread(self._table.all, environment, app)
        if app is not None and not found:
            raise self._unknown(environment, app)
        return found

    async def apps(self, environment: str, search: str, limit: int, offset: int) -> tuple[list[Version], int]:
        """See `VersionTable.apps`."""
        return await asyncio.to_thread(self._table.apps, environment, search, limit, offset)

    async def recent(self, environment: str, limit: int, offset: int) -> tuple[list[Version], int]:
        """See `VersionTable.recent`."""
        return await asyncio.to_thread(self._table.recent, environment, limit, offset)

    def _of(self, environment: str, app: str) -> Deployed:
        deployed = self._live.get((environment, app))
        if deployed is None:
            raise self._unknown(environment, app)
        return deployed

    def _unknown(self, environment: str, app: str) -> NotFoundError:
        known = ", ".join(sorted(name for where, name in self._live if where == environment)) or "none"
        elsewhere = sorted(where for where, name in self._live if name == app)
        hint = f"; it is in: {', '.join(elsewhere)}" if elsewhere else ""
        try:
            self._environments.check(environment)
        except NotFoundError as error:
            return NotFoundError(f"no app {app!r} is deployed there: {error}{hint}")
        return NotFoundError(f"no app {app!r} is deployed in environment {environment!r} (deployed: {known}){hint}")

    # ---- new versions ---------------------------------------------------------------------------------------------

    async def deploy(
        self,
        environment: str,
        package: Package,
        label: Label,
        observer: object | None = None,
        *,
        copy_of: int | None = None,
    ) -> Version:
        """Make a new version, and shift traffic to it when it is ready; the one before ends when its calls have ended.

        Args:
            observer: a plugin that hears of the version's containers while it is made, and later.
            copy_of: the version that has this package, too.

        Raises what keeps it from becoming ready; then the version before goes on. Goes on where its caller is
        cancelled.
        """
        work = asyncio.create_task(self._deploy(environment, package, label, observer, copy_of))
        self._work.add(work)
        work.add_done_callback(self._work.discard)
        return await asyncio.shield(work)

    async def _deploy(
        self, environment: str, package: Package, label: Label, observer: object | None, copy_of: int | None
    ) -> Version:
        app = environment, package.app.name
        self._environments.check(environment)
        for check in self._checks:
            check(environment, package.app)
        kept = await asyncio.to_thread(package.kept, self._hosting.sealer())
        begin = partial(self._table.begin, *app, kept, warm=package.warm, label=label, copy_of=copy_of)
        async with self._gate:
            self._environments.check(environment)  # it may have been removed meanwhile
            version = await asyncio.to_thread(begin)
            self._states.setdefault(app, {}).update(changes(self._states.get(app, {}), Begun(version.number)))
        self._tell(app, version.number)
        deployed = self._versions[app, version.number] = self._deployed(version, observer)
        try:
            await self._hosting.hold(_reference(*app, version.number), package.blobs)
            await (await deployed.running()).session.ready(trying=True)
            await self._happened(app, Ready(version.number), "a newer version was ready before")
        except BaseException as error:
            why = str(error) or type(error).__name__
            if isinstance(error, asyncio.CancelledError):
                why = "the server ended meanwhile"
            await self._happened(app, Broken(version.number), why)
            raise
        try:
            await self._forget_old(app)
        except UNAVAILABLE as error:
            _log.error("old versions of app %r could not be removed: %s", app[1], error)
        state = self._states[app][version.number]
        if state != "live":
            raise RemoteError(f"version {version.number} of app {app[1]!r} was {state} before it took calls")
        return version

    async def _forget_old(self, app: _App) -> None:
        """Of the versions that are over, the last ones are kept, to roll back to."""
        over = sorted(number for number, state in self._states[app].items() if state in OVER)
        for number in over[:-_KEPT]:
            await self._hosting.release(_reference(*app, number))
            await asyncio.to_thread(self._table.forget, *app, number)
            del self._states[app][number]

    async def rollback(self, environment: str, app: str, number: int | None, label: Label) -> Version:
        """Deploy an earlier version anew, with its tag: `number`, or see `versions.earlier`. Raises as `deploy`,
        `NotFoundError`, `InvalidError`."""
        versions = await self.versions(environment, app)
        if number is None:
            states = {version.number: version.state for version in versions}
            number = earlier(states, {each.number: each.copy_of for each in versions if each.copy_of is not None})
        if number is None:
            known = ", ".join(str(version.number) for version in versions)
            raise InvalidError(
                f"no version of app {app!r} has taken calls before what is live now: name the one to roll back to, "
                f"`intermodal app rollback {app} NUMBER` (there are: {known}; `intermodal app history {app}` says more)"
            )
        tags = {version.number: version.tag for version in versions}
        label = replace(label, tag=label.tag or tags.get(number, ""))
        load = partial(self._load, environment, app, number)
        return await self.deploy(environment, await asyncio.to_thread(load), label, copy_of=number)

    async def stop(self, environment: str, app: str) -> None:
        """End an app: running inputs get their grace period. Its versions stay, to roll back to.

        Raises `NotFoundError`; one of `UNAVAILABLE` where it has been stopped and that could not be written down.
        """
        self.check_known(environment, app)
        stopping = [deployed for (of, _), deployed in self._versions.items() if of == (environment, app)]
        await self._happened((environment, app), AppStopped())
        await asyncio.gather(*(deployed.close() for deployed in stopping))
        async with self._gate:
            try:
                await asyncio.to_thread(self._late.flush)
            except UNAVAILABLE as error:
                raise type(error)(
                    f"app {app!r} has been stopped, but that could not be written down yet, so it would come back with "
                    f"the next start of the server: {error}"
                ) from None

    async def stop_all(self, environment: str) -> None:
        """End every app of an environment. Raises `NotFoundError`: there is no such environment."""
        self._environments.check(environment)
        for app in self._busy(environment):
            await self.stop(environment, app)

    @asynccontextmanager
    async def deserted(self, environment: str) -> AsyncIterator[None]:
        """As long as it lasts no version of an app begins. Raises `InvalidError`: apps run in the environment."""
        async with self._gate:
            busy = self._busy(environment)
            if busy:
                raise InvalidError(
                    f"apps run in environment {environment!r}: {', '.join(busy)}. `intermodal app stop NAME --env "
                    f"{environment}` ends one, `intermodal environment delete {environment} --force` all of them"
                )
            yield

    def _busy(self, environment: str) -> list[str]:
        """Apps with a version that is not over."""
        return sorted(
            app for (of, app), states in self._states.items() if of == environment and {*states.values()} - OVER
        )

    # ---- changes of state -----------------------------------------------------------------------------------------

    async def _happened(self, app: _App, event: Event, error: str = "") -> None:
        """On the disk first: a live version is what the next server brings back. Only what ends goes on where that
        fails, and is written down later. Raises one of `UNAVAILABLE` for the rest."""
        async with self._gate:
            states = self._states[app]
            changed = changes(states, event)
            if not changed:
                return
            told = {number: error for number, state in changed.items() if state in ("failed", "stopped")}
            change = partial(self._table.change, *app, changed, error if told else "")
            try:
                await asyncio.to_thread(self._late.write, change)
            except UNAVAILABLE as trouble:
                if not isinstance(event, _ENDS):
                    raise
                _log.error("app %r: %s: to be written down later", app[1], trouble)
                self._write_later(change)
            states.update(changed)
            for number, state in changed.items():
                self._carry_out(app, number, state)
        for number in changed:
            self._tell(app, number)

    def _write_later(self, change: Callable[[], None]) -> None:
        if not self._late:
            self.background(self._write_late())
        self._late.keep(change)

    async def _write_late(self) -> None:
        while True:
            await asyncio.sleep(_LATE_S)
            async with self._gate:
                try:
                    await asyncio.to_thread(self._late.flush)
                except UNAVAILABLE:
                    continue
                return

    def _carry_out(self, app: _App, number: int, state: State) -> None:
        deployed = self._versions.get((app, number))
        if deployed is None:
            return
        if state == "live":
            self._live[app] = deployed
            return
        if self._live.get(app) is deployed:
            del self._live[app]
        self.background(self._drain(app, deployed) if state == "draining" else self._end(app, deployed))

    async def _drain(self, app: _App, deployed: Deployed) -> None:
        await deployed.drained()
        await self._happened(app, Drained(deployed.version.number))

    async def _end(self, app: _App, deployed: Deployed) -> None:
        await deployed.close()
        self._versions.pop((app, deployed.version.number), None)

    def _tell(self, app: _App, number: int) -> None:
        for heard in self._listeners:
            heard(Changed(*app, number, self._states[app][number]))

    # ---- sessions -------------------------------------------------------------------------------------------------

    def _deployed(self, version: Version, observer: object | None = None) -> Deployed:
        load = partial(self._load, version.environment, version.app, version.number)
        elsewhere = Nested(self, version.environment)
        return Deployed(version, load, partial(self._session, version.environment, observer, elsewhere))

    def _load(self, environment: str, app: str, number: int) -> Package:
        return package_from(self._table.package(environment, app, number), self._hosting.sealer())

    def _session(
        self, environment: str, observer: object | None, elsewhere: Elsewhere, package: Package
    ) -> EmbeddedSession:
        work = package.work(partial(self._hosting.named_secret, environment))
        keeper = self.calls.keeper(environment)
        return self._hosting.session(work, environment, observer, elsewhere, keeper)

    async def _warm_up(self, deployed: Deployed) -> None:
        try:
            await (await deployed.running()).session.ready(trying=False)
        except Exception:  # noqa: BLE001 - the first call tries again, and tells its caller
            _log.exception("version %d of app %r does not start", deployed.version.number, deployed.version.app)

    async def _let_rest(self, idle_s: float) -> None:
        """A thousand apps that are deployed are not a thousand that run."""
        while True:
            await asyncio.sleep(max(idle_s, 1.0) / 4)
            for deployed in list(self._live.values()):
                try:
                    async with asyncio.timeout(_REST_S):
                        await deployed.rest(idle_s)
                except Exception:  # noqa: BLE001 - the others rest nevertheless
                    _log.exception("the session of app %r does not end", deployed.version.app)

    def background(self, work: asyncio._CoroutineLike[None]) -> None:
        """Do it on this loop, as long as the server runs."""
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)


def _reference(environment: str, app: str, number: int) -> str:
    return f"deployment/{environment}/{app}/{number}"
