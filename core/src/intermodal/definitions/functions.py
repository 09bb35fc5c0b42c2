"""`Function`: what `@app.function()` makes, and each method of a class's object."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, NoReturn, ParamSpec, TypeVar

from intermodal.client import calls, mapping
from intermodal.client.api import CallTarget, Client, current
from intermodal.client.calls import FunctionCall
from intermodal.client.checking import checked_class
from intermodal.client.dual import dual, dual_classmethod, dual_stream, iterate_async, iterate_sync
from intermodal.definitions import binding
from intermodal.definitions.options import Behaviour, changed_fields, settings
from intermodal.definitions.partial import Declared, batch_policy, checked_batch, concurrency
from intermodal.exception import CapabilityNotSupported, InvalidError
from intermodal.specs import BatchPolicy, MethodSpec

if TYPE_CHECKING:
    from intermodal.definitions.image import Image

__all__ = ["Function", "FunctionStats", "check_retries", "method_spec"]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class FunctionStats:
    """Inputs that wait, and containers that run."""

    backlog: int
    num_total_runners: int


@dataclass(frozen=True)
class Code:
    """The raw code behind a handle: `owner` is the object that a method is bound to."""

    partial: Declared
    behaviour: Behaviour
    local: Callable[[], Callable[..., Any]]


@checked_class
class Function(Generic[P, R]):
    """A function that runs in containers. Call it with `.remote()`, `.map()`, `.spawn()`; `.local()` runs it here.

    It pickles as a handle, so it can be an argument or be used inside other functions.
    """

    def __init__(self, name: str, target: CallTarget, is_generator: bool, code: Code | None = None) -> None:
        self._name = name
        self._target = target
        self._is_generator = is_generator
        self._code = code
        self.__name__ = name.rsplit(".", 1)[-1]
        if code is not None:
            self.__doc__ = code.partial.raw.__doc__
            self.__wrapped__ = code.partial.raw

    # ---- what it is -----------------------------------------------------------------------------------------------

    @property
    def is_generator(self) -> bool:
        """True where it yields: then `.remote_gen()` calls it (gen.stream)."""
        return self._is_generator

    @property
    def target(self) -> CallTarget:
        """What a client calls."""
        return self._target

    @property
    def raw(self) -> Callable[..., Any]:
        """The function as it was written.

        Raises:
            InvalidError: this is a handle, and its module is not importable here.
        """
        if self._code is not None:
            return self._code.partial.raw
        module_name, _, qualname = self._target.key.partition(":")
        if self._target.method or module_name == "__main__":
            raise InvalidError(f"{self._name!r} is a handle: its code is not here; use .remote()")
        try:
            found = binding.resolve(importlib.import_module(module_name), qualname)
        except ImportError as error:
            raise InvalidError(
                f"{self._name!r} is a handle and its code is not here ({error}); use .remote()"
            ) from None
        return found  # type: ignore[no-any-return]

    @property
    def partial(self) -> Declared:
        """The raw function with what its decorators said."""
        return self._own_code("partial").partial

    @property
    def image(self) -> Image | None:
        """What its containers run in, where it or its app says."""
        return None if self._code is None else self._code.behaviour.image

    def get_raw_f(self) -> Callable[..., Any]:
        """The function as it was written."""
        return self.raw

    def __repr__(self) -> str:
        return f"Function({self._name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Function, (self._name, self._target, self._is_generator)

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        owner, dot, method = self._name.rpartition(".")
        call = f"{owner}().{method}" if dot else self._name
        raise InvalidError(f"say where {self._name!r} runs: {call}.remote(...) in a container, {call}.local(...) here")

    async def _reached(self) -> Client:
        """Who carries out its calls. Raises `InvalidError`: nothing runs that could."""
        return current()

    def _reached_now(self) -> Client | None:
        """The same without waiting; None: not before `_reached`."""
        return current()

    # ---- one input ------------------------------------------------------------------------------------------------

    def local(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Run it here, in this process (call.identity); an async function gives its coroutine."""
        function = self.raw if self._code is None else self._code.local()
        return function(*args, **kwargs)

    @dual
    async def remote(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run it in a container and wait for its value (call.identity).

        Raises what the function raises, with the remote traceback chained.
        """
        client = await self._reached()
        if self._is_generator:
            self._refuse_generator("remote")
        return await calls.remote(client, self._target, args, kwargs)  # type: ignore[no-any-return]

    @dual_stream
    async def remote_gen(self, /, *args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Any, None]:
        """Iterate over what a generator function yields in a container, as it is produced (gen.stream)."""
        client = await self._reached()
        if not self._is_generator:
            raise InvalidError(f"{self._name!r} is no generator: use {self._name}.remote(...)")
        stream = calls.remote_gen(client, self._target, args, kwargs)
        try:
            async for item in stream:
                yield item
        finally:
            await stream.aclose()

    @dual
    async def spawn(self, /, *args: P.args, **kwargs: P.kwargs) -> FunctionCall[R]:
        """Start it in a container and return a `FunctionCall` at once (call.spawn)."""
        client = await self._reached()
        if self._is_generator:
            self._refuse_generator("spawn")
        return await calls.spawn(client, self._target, args, kwargs)

    # ---- many inputs ----------------------------------------------------------------------------------------------

    @property
    def map(self) -> Mapper[R]:
        """`.map(iterable, ..., kwargs={}, order_outputs=True, return_exceptions=False)`: one input per item; several
        iterables zip to the shortest. Lazy: it starts with the first iteration (map.lazy, map.order, map.errors)."""
        return Mapper(self, unpack=False)

    @property
    def starmap(self) -> Mapper[R]:
        """Like `map`, with one iterable of argument tuples (map.kwargs)."""
        return Mapper(self, unpack=True)

    @dual
    async def for_each(
        self, *iterables: Any, kwargs: Mapping[str, Any] | None = None, ignore_exceptions: bool = False
    ) -> None:
        """Run one input per item for its effects, and wait for all."""
        client = await self._reached()
        if self._is_generator:
            self._refuse_generator("for_each")
        await mapping.for_each(client, self._target, iterables, dict(kwargs or {}), ignore_exceptions=ignore_exceptions)

    @dual
    async def spawn_map(self, *iterables: Any, kwargs: Mapping[str, Any] | None = None) -> FunctionCall[R]:
        """Start one input per item and return at once, with one `FunctionCall` for all (map.lazy)."""
        client = await self._reached()
        if self._is_generator:
            self._refuse_generator("spawn_map")
        return await mapping.spawn_map(client, self._target, iterables, dict(kwargs or {}))

    # ---- its containers -------------------------------------------------------------------------------------------

    @dual
    async def update_autoscaler(
        self,
        *,
        min_containers: int | None = None,
        max_containers: int | None = None,
        buffer_containers: int | None = None,
        scaledown_window: float | None = None,
    ) -> None:
        """Change these settings of the running app; they last until it ends (scale.limits)."""
        given = {
            "min_containers": min_containers,
            "max_containers": max_containers,
            "buffer_containers": buffer_containers,
            "scaledown_window": scaledown_window,
        }
        settings(f"{self._name}.update_autoscaler", Behaviour(), given)
        client = await self._reached()
        await client.request("function.autoscale", {**self._address(), **given})

    @dual
    async def keep_warm(self, warm_pool_size: int) -> None:
        """Older spelling of `update_autoscaler(min_containers=...)`."""
        from intermodal.definitions.spellings import older

        older("Function.keep_warm()", "Function.update_autoscaler(min_containers=...)")
        await self.update_autoscaler.__wrapped__(min_containers=warm_pool_size)

    @dual
    async def get_current_stats(self) -> FunctionStats:
        """How many inputs wait and how many containers run, now."""
        client = await self._reached()
        reply = await client.request("function.stats", self._address())
        return FunctionStats(reply.value["backlog"], reply.value["num_total_runners"])

    def _address(self) -> dict[str, Any]:
        target = self._target
        return {
            "app": target.app,
            "key": target.key,
            "parameters": target.parameters.hex(),
            "options": target.options,
            **({} if target.environment is None else {"environment": target.environment}),
        }

    # ---- variants -------------------------------------------------------------------------------------------------

    def with_options(self, **options: Any) -> Function[P, R]:
        """The same function in a pool of its own, with other options: cpu, memory, gpu, env, retries, timeout,
        max_containers, buffer_containers, scaledown_window, ..."""
        code = self._own_code("with_options")
        behaviour = settings(f"{self._name}.with_options", code.behaviour, options)
        refuse_rebuilding(f"{self._name}.with_options", code.behaviour, behaviour)
        return self._variant(replace(code, behaviour=behaviour))

    def with_concurrency(self, *, max_inputs: int, target_inputs: int | None = None) -> Function[P, R]:
        """The same function in a pool of its own, with several inputs at once per container (conc.inputs)."""
        code = self._own_code("with_concurrency")
        limits = concurrency(max_inputs, target_inputs)
        behaviour = replace(code.behaviour, max_inputs=limits.max_inputs, target_inputs=limits.target_inputs)
        return self._variant(replace(code, behaviour=behaviour))

    def with_batching(self, *, max_batch_size: int, wait_ms: int) -> Function[P, R]:
        """The same function in a pool of its own, batched (batch.form)."""
        code = self._own_code("with_batching")
        partial = replace(code.partial, batching=batch_policy(max_batch_size, wait_ms))
        checked_batch(partial)
        return self._variant(replace(code, partial=partial))

    def _variant(self, code: Code) -> Function[P, R]:
        base = self._code_before_options()
        more = {}
        if code.partial.batching != base.partial.batching:
            more["methods"] = (method_spec("", code.partial),)
        options = changed_fields(base.behaviour, code.behaviour, **more)
        variant: Function[P, R] = Function(self._name, replace(self._target, options=options), self._is_generator, code)
        variant._base = base
        return variant

    _base: Code | None = None

    def _code_before_options(self) -> Code:
        return self._base or self._own_code("with_options")

    def _own_code(self, method: str) -> Code:
        if self._code is None or self._target.method:
            owner = "its class: Cls" if self._target.method else "the function itself, where it is defined"
            raise InvalidError(f"{self._name!r}: call .{method}() on {owner}")
        return self._code

    # ---- deployed ones --------------------------------------------------------------------------------------------

    @classmethod
    def from_name(cls, app_name: str, name: str, *, environment_name: str | None = None) -> Function[..., Any]:
        """A function of a deployed app, from any process, also inside containers of the server (deploy.lookup). Looked
        up at its first use, which raises `NotFoundError` listing what there is.

        Args:
            name: of the function; "Model.predict" for a method of a class without parameters.
            environment_name: default: as configured; in a container, its app's own.
        """
        from intermodal.definitions.deployed import function_named

        return function_named(app_name, name, environment_name)

    @dual_classmethod
    async def lookup(
        cls: type[Function[..., Any]], app_name: str, name: str, *, environment_name: str | None = None
    ) -> Function[..., Any]:
        """Older spelling of `from_name`."""
        from intermodal.definitions.spellings import older

        older("Function.lookup()", "Function.from_name()")
        from intermodal.definitions.deployed import function_named

        return await function_named(app_name, name, environment_name).hydrate.__wrapped__()

    @dual
    async def get_web_url(self) -> str | None:
        """The URL of a web function while its app runs, or is deployed (web.lookup); None for others."""
        client = await self._reached()
        asked = "web.url" if self._target.environment is None else "web.deployed"
        reply = await client.request(asked, {**self._address(), "method": self._target.method})
        return None if reply.value is None else str(reply.value)

    def _refuse_generator(self, method: str) -> NoReturn:
        raise InvalidError(
            f"{self._name!r} is a generator, which .{method}() cannot call: use {self._name}.remote_gen(...), or "
            "return a list"
        )


class Mapper(Generic[R]):
    """`Function.map` and `Function.starmap`: called plainly a sync iterator, at `.aio` an async one."""

    def __init__(self, function: Function[..., R], unpack: bool) -> None:
        self._function = function
        self._unpack = unpack
        self._label = "starmap" if unpack else "map"

    def __call__(
        self,
        *iterables: Iterable[Any],
        kwargs: Mapping[str, Any] | None = None,
        order_outputs: bool = True,
        return_exceptions: bool = False,
    ) -> Iterator[R]:
        self._check()
        return self._iterate(iterables, kwargs, order_outputs, return_exceptions)

    def aio(
        self,
        *iterables: Iterable[Any] | AsyncIterable[Any],
        kwargs: Mapping[str, Any] | None = None,
        order_outputs: bool = True,
        return_exceptions: bool = False,
    ) -> AsyncIterator[R]:
        """The async twin; its iterables may be async."""
        self._check()
        return iterate_async(self._values(iterables, kwargs, order_outputs, return_exceptions))

    def _check(self) -> None:
        if self._function._is_generator:
            self._function._refuse_generator(self._label)

    def _iterate(
        self, iterables: Sequence[Any], kwargs: Mapping[str, Any] | None, ordered: bool, exceptions: bool
    ) -> Iterator[R]:
        name = f"{self._function!r}.{self._label}"
        if _loop_is_running():
            raise InvalidError(
                f"{name} would block the running event loop: iterate with `async for ... in .map.aio(...)`"
            )
        if any(isinstance(each, AsyncIterable) for each in iterables):
            raise InvalidError(f"{name} got an async iterable: iterate with `async for ... in .map.aio(...)`")
        yield from iterate_sync(self._values(iterables, kwargs, ordered, exceptions))

    def _values(
        self, iterables: Sequence[Any], kwargs: Mapping[str, Any] | None, ordered: bool, exceptions: bool
    ) -> AsyncGenerator[R, None]:
        client = self._function._reached_now()
        if client is None:
            return self._values_later(iterables, kwargs, ordered, exceptions)
        return mapping.map_values(
            client,
            self._function._target,
            tuple(iterables),
            dict(kwargs or {}),
            unpack=self._unpack,
            order_outputs=ordered,
            return_exceptions=exceptions,
        )

    async def _values_later(
        self, iterables: Sequence[Any], kwargs: Mapping[str, Any] | None, ordered: bool, exceptions: bool
    ) -> AsyncGenerator[R, None]:
        await self._function._reached()
        self._check()
        stream = self._values(iterables, kwargs, ordered, exceptions)
        try:
            async for value in stream:
                yield value
        finally:
            await stream.aclose()


def method_spec(name: str, partial: Declared) -> MethodSpec:
    """The spec of one callable."""
    if partial.web is not None:
        return MethodSpec(name=name, is_generator=True, is_async=True, web=partial.web)
    batching: BatchPolicy | None = partial.batching
    return MethodSpec(name=name, is_generator=partial.is_generator, is_async=partial.is_async, batching=batching)


def check_retries(label: str, partial: Declared, behaviour: Behaviour) -> None:
    """Raises `InvalidError` where something that cannot be retried has retries (retry.policy)."""
    if behaviour.retries is not None and (partial.is_generator or partial.web):
        kind = "a generator" if partial.is_generator else "a web function"
        raise InvalidError(f"{label} is {kind}, which cannot be retried: remove retries=")


def refuse_rebuilding(where: str, old: Behaviour, new: Behaviour) -> None:
    """Raises `CapabilityNotSupported` for options that a pool cannot change on its own."""
    for name in ("image", "secrets", "volumes", "schedule"):
        if getattr(old, name) != getattr(new, name):
            raise CapabilityNotSupported(
                f"with_options.{name}", hint=f"{where}({name}=...): give it to @app.function() or @app.cls() instead"
            )


def _loop_is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
