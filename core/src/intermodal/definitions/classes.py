"""`Cls`: what `@app.cls()` makes of a class, and `Obj`: what calling it gives."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import threading
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from intermodal.client.api import CallTarget
from intermodal.client.checking import checked_class
from intermodal.client.dual import dual, dual_classmethod
from intermodal.definitions import binding
from intermodal.definitions.functions import Code, Function, check_retries, method_spec, refuse_rebuilding
from intermodal.definitions.lifecycle import Parts, check_constructor, collect, parts_of
from intermodal.definitions.naming import check_name
from intermodal.definitions.options import Behaviour, changed_fields, settings
from intermodal.definitions.parameters import validated
from intermodal.definitions.partial import Declared, batch_policy, checked_batch, concurrency
from intermodal.exception import InvalidError
from intermodal.specs import BatchPolicy, MethodSpec
from intermodal.specs.parameters import encode

if TYPE_CHECKING:
    from intermodal.definitions.image import Image

__all__ = ["Cls", "Obj", "check_class"]

T = TypeVar("T")


@dataclass(frozen=True)
class Definition:
    """A class as declared, and what variants of it share. `raw` is None in a handle whose code is not here."""

    raw: type
    parts: Parts
    behaviour: Behaviour


@checked_class
class Cls(Generic[T]):
    """A class whose objects live in containers. `Model(name="x").predict.remote(...)` calls a method of the object with
    those parameters; each set of parameters has containers of its own (cls.parameters).

    It pickles as a handle.
    """

    def __init__(self, name: str, app: str, key: str, raw: type | None, behaviour: Behaviour) -> None:
        self._name = name
        self._app = app
        self._key = key
        self._definition = None if raw is None else Definition(raw, parts_of(raw), behaviour)
        self._behaviour = behaviour
        self._batching: BatchPolicy | None = None
        self._options = ""
        self.__name__ = name
        self.__qualname__ = name
        self.__doc__ = raw.__doc__ if raw is not None else None

    @property
    def raw(self) -> type:
        """The class as it was written. Raises `InvalidError` where its code is not here."""
        return self._own().raw

    def _own(self) -> Definition:
        if self._definition is None:
            module_name, _, qualname = self._key.partition(":")
            try:
                raw = binding.resolve(importlib.import_module(module_name), qualname)
            except (ImportError, InvalidError) as error:
                raise InvalidError(f"{self._name!r} is a handle, and its code is not here: {error}") from None
            registered = registration(raw)
            behaviour = self._behaviour if registered is None else registered._behaviour
            self._definition = Definition(raw, parts_of(raw), behaviour)
        return self._definition

    def __call__(self, *args: Any, **kwargs: Any) -> Obj:
        if args:
            raise InvalidError(f"{self._name}() takes its parameters by keyword, as in {self._name}(name=...)")
        return Obj(self, validated(self.raw, kwargs))

    def like(self, instance: object) -> Obj:
        """The object with the same parameters as this live instance."""
        names = self._own().parts.parameters
        try:
            return Obj(self, {name: getattr(instance, name) for name in names})
        except AttributeError as error:
            raise InvalidError(f"{self._name}.like() takes an object of the class: {error}") from None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        definition = self._own()
        if name in definition.parts.methods:
            raise InvalidError(f"{self._name}.{name} belongs to an object: write {self._name}().{name}")
        return getattr(definition.raw, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._names_in_class()})

    def _names_in_class(self) -> list[str]:
        # Completing a name is no reason to import a handle's module.
        return [] if self._definition is None else dir(self._definition.raw)

    def __repr__(self) -> str:
        return f"Cls({self._name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _handle, (self._name, self._app, self._key, self._options)

    # ---- variants -------------------------------------------------------------------------------------------------

    def with_options(self, **options: Any) -> Cls[T]:
        """The same class in pools of its own, with other options: cpu, memory, gpu, env, retries, timeout,
        max_containers, buffer_containers, scaledown_window, ... (cls.parameters)."""
        where = f"{self._name}.with_options"
        behaviour = settings(where, self._behaviour, options)
        refuse_rebuilding(where, self._behaviour, behaviour)
        return self._variant(behaviour, self._batching)

    def with_concurrency(self, *, max_inputs: int, target_inputs: int | None = None) -> Cls[T]:
        """The same class in pools of its own, with several inputs at once per container (conc.inputs)."""
        limits = concurrency(max_inputs, target_inputs)
        behaviour = replace(self._behaviour, max_inputs=limits.max_inputs, target_inputs=limits.target_inputs)
        return self._variant(behaviour, self._batching)

    def with_batching(self, *, max_batch_size: int, wait_ms: int) -> Cls[T]:
        """The same class in pools of its own, with its methods batched (batch.form)."""
        for partial in self._own().parts.methods.values():
            checked_batch(partial)
        return self._variant(self._behaviour, batch_policy(max_batch_size, wait_ms))

    def _variant(self, behaviour: Behaviour, batching: BatchPolicy | None) -> Cls[T]:
        definition = self._own()
        variant: Cls[T] = Cls(self._name, self._app, self._key, None, behaviour)
        variant._definition = definition
        variant._batching = batching
        more = {} if batching is None else {"methods": self.methods(batching)}
        variant._options = changed_fields(definition.behaviour, behaviour, **more)
        return variant

    def methods(self, batching: BatchPolicy | None = None) -> tuple[MethodSpec, ...]:
        """The specs of its methods, in order."""
        parts = self._own().parts
        specs = (method_spec(name, partial) for name, partial in parts.methods.items())
        return tuple(replace(spec, batching=batching or spec.batching) for spec in specs)

    def parameter_names(self) -> tuple[str, ...]:
        """The names of its parameters, in order."""
        return tuple(self._own().parts.parameters)

    @property
    def app_name(self) -> str:
        """The app that its calls name."""
        return self._app

    @property
    def image(self) -> Image | None:
        """What its containers run in, where it or its app says."""
        return self._behaviour.image

    # ---- deployed ones --------------------------------------------------------------------------------------------

    @classmethod
    def from_name(cls, app_name: str, name: str, *, environment_name: str | None = None) -> Cls[Any]:
        """A class of a deployed app, from any process, also inside containers of the server (deploy.lookup). Looked up
        at the first use of a method, which raises `NotFoundError` listing what there is.

        Args:
            environment_name: default: as configured; in a container, its app's own.
        """
        from intermodal.definitions.deployed import DeployedCls

        return DeployedCls(check_name("an app", app_name), name, environment_name)

    @dual_classmethod
    async def lookup(cls: type[Cls[Any]], app_name: str, name: str, *, environment_name: str | None = None) -> Cls[Any]:
        """Older spelling of `from_name`."""
        from intermodal.definitions.spellings import older

        older("Cls.lookup()", "Cls.from_name()")
        from intermodal.definitions.deployed import DeployedCls

        return await DeployedCls(check_name("an app", app_name), name, environment_name).hydrate.__wrapped__()


def _handle(name: str, app: str, key: str, options: str) -> Cls[Any]:
    handle: Cls[Any] = Cls(name, app, key, None, Behaviour())
    handle._options = options
    return handle


def registration(raw: type) -> Cls[Any] | None:
    """The Cls that `@app.cls()` made of this very class."""
    from intermodal.definitions.partial import CLS

    found = vars(raw).get(CLS)
    return found if isinstance(found, Cls) else None


@checked_class
class Obj:
    """One object of a `Cls`: its parameters, and its methods as `Function`s.

    Anything else asked of it is answered by a live object in this process, whose enter methods run first.
    """

    def __init__(self, cls: Cls[Any], values: Mapping[str, Any]) -> None:
        self._cls = cls
        self._values = dict(values)
        self._parameters = encode(self._values)
        self._functions: dict[str, Function[..., Any]] = {}
        self._live: Live | None = None

    def method(self, name: str) -> Function[..., Any]:
        """The method as a Function. Raises `InvalidError`: there is none."""
        found = self._functions.get(name)
        if found is not None:
            return found
        cls = self._cls
        parts = cls._own().parts
        partial = parts.methods.get(name)
        if partial is None:
            raise InvalidError(f"{cls._name} has no method {name!r}; it has: {', '.join(parts.methods) or 'none'}")
        target = CallTarget(cls._app, cls._key, name, self._parameters, cls._options)
        code = Code(partial, cls._behaviour, lambda: self._local().methods[name])
        function: Function[..., Any] = Function(f"{cls._name}.{name}", target, partial.is_generator, code)
        self._functions[name] = function
        return function

    def _local(self) -> Live:
        if self._live is None:
            self._live = Live(self._cls.raw, self._values)
        self._live.enter()
        return self._live

    @dual
    async def update_autoscaler(
        self,
        *,
        min_containers: int | None = None,
        max_containers: int | None = None,
        buffer_containers: int | None = None,
        scaledown_window: float | None = None,
    ) -> None:
        """Change these settings for the containers of this object; they last until the app ends (scale.limits)."""
        await self._any_method().update_autoscaler.__wrapped__(
            min_containers=min_containers,
            max_containers=max_containers,
            buffer_containers=buffer_containers,
            scaledown_window=scaledown_window,
        )

    def _any_method(self) -> Function[..., Any]:
        return self.method(next(iter(self._cls._own().parts.methods), ""))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._values:
            return self._values[name]
        definition = self._cls._own()
        if name in definition.parts.methods:
            return self.method(name)
        if not hasattr(definition.raw, name) and not definition.parts.enters and not definition.parts.snap_enters:
            raise AttributeError(f"{self._cls._name!r} object has no attribute {name!r}")
        return getattr(self._local().instance, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        elif name in self._values:
            raise InvalidError(f"{self._cls._name}.{name} is a parameter: give it when the object is made")
        else:
            setattr(self._local().instance, name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._values, *self._cls._names_in_class()})

    def __repr__(self) -> str:
        return f"{self._cls._name}({', '.join(f'{name}={value!r:.60}' for name, value in self._values.items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Obj, (self._cls, self._values)


class Live:
    """An object of the class in this process (cls.parameters: `.local()` runs enter, once)."""

    def __init__(self, raw: type, values: Mapping[str, Any]) -> None:
        lifecycle = collect(raw, values)
        self.instance = lifecycle.instance
        self.methods = lifecycle.methods
        self._enters: list[Callable[[], Any]] = [*lifecycle.snap_enters, *lifecycle.enters]

    def enter(self) -> None:
        """Run the enter methods that have not run."""
        while self._enters:
            value = self._enters.pop(0)()
            if inspect.iscoroutine(value):
                _finish(value)


def _finish(coroutine: Coroutine[Any, Any, Any]) -> None:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(coroutine)
        except BaseException as error:  # noqa: BLE001 - raised in the caller's thread
            errors.append(error)

    # A thread of its own: the caller's may have a running loop.
    thread = threading.Thread(target=run, name="intermodal-enter")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


def check_class(raw: Any, behaviour: Behaviour) -> None:
    """Raises `InvalidError` for what can never work as an `@app.cls()` class."""
    if not isinstance(raw, type):
        _refuse_class(raw)
    check_constructor(raw)
    parts = parts_of(raw)
    hooks = len(parts.enters) + len(parts.snap_enters) + len(parts.exits)
    if not parts.methods and not hooks:
        raise InvalidError(f"class {raw.__name__} has no method for containers: put @intermodal.method() on one")
    if parts.snap_enters and not behaviour.snapshot:
        raise InvalidError(f"class {raw.__name__} has enter(snap=True): give @app.cls(enable_memory_snapshot=True) too")
    for name, partial in parts.methods.items():
        check_method(raw, name, partial, behaviour)


def check_method(raw: type, name: str, partial: Declared, behaviour: Behaviour) -> None:
    """Raises `InvalidError`."""
    check_retries(f"{raw.__name__}.{name}", partial, behaviour)
    if partial.concurrency is not None:
        raise InvalidError(f"put @intermodal.concurrent(...) on the class {raw.__name__}, not on its method {name!r}")


def _refuse_class(raw: Any) -> NoReturn:
    what = "a registered class" if isinstance(raw, Cls) else f"{raw!r:.60}"
    raise InvalidError(f"@app.cls() decorates a class, and got {what}; functions take @app.function()")
