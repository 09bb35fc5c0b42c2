"""The plugin host: loads what a session needs, and is the only way by which core reaches plugins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from intermodal.exception import BackendError, CapabilityNotSupported, InvalidError, PluginError
from intermodal.plugins.bucket_tools import as_this_host_can
from intermodal.plugins.calls import call_one, implementations, wrapped
from intermodal.plugins.capabilities import CAPABILITY_ROLES, Role, known_only, merge_capabilities
from intermodal.plugins.config import Config
from intermodal.plugins.contract import ROLE_PROTOCOLS
from intermodal.plugins.draft import ContainerDraft
from intermodal.plugins.lifecycle import Lifecycle
from intermodal.plugins.loading import LoadedPlugin, Selection, known_sections, load_backend, load_plugins
from intermodal.plugins.made_roles import MadeRoles
from intermodal.plugins.observations import ObservationKind
from intermodal.plugins.observers import Observers
from intermodal.plugins.options import nearest
from intermodal.plugins.registry import Registry
from intermodal.plugins.roles import Builder, Capabilities, GpuAllocator, Launcher
from intermodal.plugins.storage_role import Storage
from intermodal.plugins.tracing import tracer
from intermodal.specs import ContainerSpec

__all__ = ["PluginHost", "load"]


class PluginHost:
    """The plugins of one session. Made with `load`; each role's factory is called once and its answer remembered."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._registry = Registry()
        self._manager = self._registry.manager
        self._lifecycle = Lifecycle(self._registry)
        self._arguments = {"config": config, "host": self}
        self._roles = MadeRoles(self._registry, config)
        self._capabilities: Capabilities | None = None
        self._observers = Observers(lambda hook: implementations(self._manager, hook))

    # ---- roles ---------------------------------------------------------------------------------------------------

    def builder(self) -> Builder:
        """The session's `Builder`. Raises `PluginError`, or `BackendError` where nobody provides one."""
        return cast(Builder, self._required("builder"))

    def launcher(self) -> Launcher:
        """The session's `Launcher`. Raises `PluginError`, or `BackendError` where nobody provides one."""
        return cast(Launcher, self._required("launcher"))

    def gpus(self) -> GpuAllocator | None:
        """The session's `GpuAllocator`; None where nobody provides one: there are no GPUs."""
        return cast("GpuAllocator | None", self._roles.answer("gpus").value)

    def storage(self) -> Storage:
        """The session's `Storage`; the built-in plugin `storage` keeps a directory where no other provides one.

        Raises `PluginError`, or `BackendError` where that one is kept off.
        """
        return cast(Storage, self._required("storage"))

    def capabilities(self) -> Capabilities:
        """What the roles of this session can do: each role's part as stated by the plugin that provides that role, and
        of it what this host has the tools for."""
        if self._capabilities is None:
            merged = merge_capabilities({role: self._stated(role) for role in ROLE_PROTOCOLS})
            merged = wrapped(self._manager, "intermodal_capabilities", self.config, merged)
            self._capabilities = as_this_host_can(known_only("a wrapper of intermodal_capabilities", merged))
        return self._capabilities

    def require(self, capability: str) -> None:
        """Raises `CapabilityNotSupported` where this session's roles lack `capability`; `InvalidError` where it does
        not exist.
        """
        if capability not in CAPABILITY_ROLES:
            raise InvalidError(f"there is no capability {capability!r}{nearest(capability, CAPABILITY_ROLES)}")
        have = self.capabilities()
        if capability not in have.supported:
            raise CapabilityNotSupported(capability, self.config.backend, have.notes.get(capability, ""))

    def _required(self, role: Role) -> Any:
        value = self._roles.answer(role).value
        if value is None:
            raise BackendError(
                f"neither the backend {self.config.backend!r} nor a plugin provides a {ROLE_PROTOCOLS[role].__name__}: "
                f"implement intermodal_{role}, or choose another backend with --backend NAME"
            )
        return value

    def _stated(self, role: Role) -> Capabilities:
        nothing = Capabilities(supported=frozenset())
        provider = self._registry.find(self._roles.answer(role).plugin)
        if provider is None:
            return nothing
        implementation = self._registry.implementation(provider, "intermodal_capabilities")
        stated = call_one(implementation, {"config": self.config}) if implementation else None
        return known_only(str(provider), stated or nothing)

    # ---- containers ----------------------------------------------------------------------------------------------

    def modify_container_spec(self, spec: ContainerSpec) -> ContainerSpec:
        """`spec` as the plugins want it. Raises `PluginError` where they made it unusable; what they raise passes
        (`LaunchRefused`).
        """
        hook = self._manager.hook.intermodal_modify_container_spec
        changers = hook.get_hookimpls()
        if not changers:
            return spec
        draft = ContainerDraft.thaw(spec)
        hook(config=self.config, draft=draft)
        try:
            return draft.freeze(spec)
        except ValueError as error:
            who = ", ".join(str(self._registry.find(impl.plugin_name)) for impl in changers)
            raise PluginError(
                f"intermodal_modify_container_spec made container {spec.id} unusable ({who}): {error}"
            ) from None

    # ---- calls ---------------------------------------------------------------------------------------------------

    def tracer(self) -> Callable[[str, str], str] | None:
        """The trace inside of a call, by its id and the trace that it is made in; None where no plugin traces."""
        hook = self._manager.hook.intermodal_trace_call
        return tracer(hook) if hook.get_hookimpls() else None

    # ---- observers -----------------------------------------------------------------------------------------------

    def observes(self, kind: ObservationKind) -> bool:
        """True where some plugin wants observations of `kind`; else making them is a waste."""
        return bool(implementations(self._manager, f"intermodal_{kind}"))

    def observe(self, kind: ObservationKind, batch: Sequence[Any]) -> None:
        """Hand observations of one kind to the observers. Never blocks; from any thread; do not change `batch`
        afterwards.
        """
        if batch and self.observes(kind):
            self._observers.put(kind, batch)

    def flush(self) -> None:
        """Wait until all observations so far were delivered."""
        self._observers.flush()

    def show_output(self, *, logs: bool = True, progress: bool = True) -> None:
        """Turn the built-in log sink and progress display on or off, what waits being delivered before. `-p no:NAME`
        keeps one off.
        """
        from intermodal.builtin import OUTPUT

        self._observers.flush()
        blocked = Selection(self.config.get("plugins")).blocked
        for name, wanted in (("logs", logs), ("progress", progress)):
            there = self._registry.find(name)
            if wanted and there is None and name not in blocked:
                self.add(name, OUTPUT[name]())
            elif not wanted and there is not None:
                self._lifecycle.unconfigure(there, self._arguments)
                self._registry.unregister(there)

    def add(self, name: str, plugin: object) -> None:
        """Register a part of core as a plugin, and configure it."""
        item = LoadedPlugin(name, "built-in plugin", "intermodal-core", plugin)
        self._registry.register(item)
        self._lifecycle.configure(item, self._arguments)

    # ---- life ----------------------------------------------------------------------------------------------------

    @property
    def plugins(self) -> list[LoadedPlugin]:
        """What is loaded, in the order of registration."""
        return list(self._registry.plugins)

    def hooks_of(self, item: LoadedPlugin) -> list[str]:
        """The names of the hooks that a plugin implements, sorted."""
        return self._registry.hooks_of(item)

    def start(self, items: Sequence[LoadedPlugin]) -> None:
        """Register plugins and their options, check the configuration, configure them. `load` calls it, once."""
        for item in items:
            self._registry.register(item)
        for item in items:
            self._lifecycle.turn(item, "intermodal_addoption", {"options": self.config.options})
        self.config.check(known_sections())
        try:
            for item in items:
                self._lifecycle.configure(item, self._arguments)
        except BaseException:
            self._lifecycle.unconfigure_all(self._arguments)
            raise

    async def close_roles(self) -> None:
        """Close the role objects that were made: launcher, builder, storage, in this order. Idempotent.

        For who used them on a running loop: they are closed on the same. Each gets its turn; then the first failure
        is raised.
        """
        await self._roles.close()

    def close(self) -> None:
        """Deliver the last observations, close the roles that `close_roles` has not, on a loop of their own, and let
        plugins go (`intermodal_unconfigure`). Idempotent.
        """
        self._observers.close()
        try:
            if self._roles.any_open:
                with ThreadPoolExecutor(1) as apart:  # there may be a loop in this thread
                    apart.submit(asyncio.run, self._roles.close()).result()
        finally:
            self._lifecycle.unconfigure_all(self._arguments)


def load(config: Config, *, backend: bool = True) -> PluginHost:
    """Load the chosen backend and every plugin, register their options, check the configuration, configure them.

    Args:
        backend: False for a host of observers only, whose session is elsewhere: it has no roles.

    Raises:
        BackendNotFoundError: the chosen backend is not installed.
        PluginError: a plugin cannot be imported or implements a hook wrongly, or two distributions claim one name.
        ConfigError: a value cannot be used.
    """
    from intermodal.builtin import ALWAYS, OUTPUT

    blocked = Selection(config.get("plugins")).blocked
    built_in = [
        LoadedPlugin(name, "built-in plugin", "intermodal-core", make())
        for name, make in ALWAYS.items()
        if name not in blocked
    ]
    host = PluginHost(config)
    chosen = [load_backend(config)] if backend else []
    host.start([*built_in, *chosen, *load_plugins(config, {*ALWAYS, *OUTPUT})])
    return host
