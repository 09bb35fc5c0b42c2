"""`App`: functions and classes that run together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, overload

from intermodal.client.api import CallTarget
from intermodal.client.checking import checked_class
from intermodal.client.dual import dual, dual_classmethod
from intermodal.definitions import binding, lasting
from intermodal.definitions.classes import Cls, check_class
from intermodal.definitions.entrypoints import LocalEntrypoint
from intermodal.definitions.functions import Code, Function, check_retries
from intermodal.definitions.naming import Place, check_name, place_of
from intermodal.definitions.options import Behaviour, settings
from intermodal.definitions.parameters import parameter
from intermodal.definitions.partial import CLS, Concurrency, Partial, concurrency_of
from intermodal.exception import InvalidError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from typing_extensions import dataclass_transform

    from intermodal.definitions.deploying import DeployedVersion
    from intermodal.definitions.image import Image
    from intermodal.definitions.lasting import LastingSession
    from intermodal.definitions.retries import Retries
    from intermodal.definitions.running import Run
    from intermodal.definitions.schedules import Schedule
    from intermodal.definitions.secrets import Secret

else:

    def dataclass_transform(**options: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
        # For type checkers only, and Python 3.10 has none.
        return lambda function: function


__all__ = ["App", "Registered"]

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)
Gpu = Any


class Registered:
    """One function or class of an app, as `lowering` reads it."""

    def __init__(
        self, item: Function[..., Any] | Cls[Any], name: str, place: Place, behaviour: Behaviour, include_source: bool
    ) -> None:
        self.item = item
        self.name = name
        self.place = place
        self.behaviour = behaviour
        self.include_source = include_source

    @property
    def raw(self) -> Any:
        """The code as written."""
        return self.item.raw


@checked_class
class App:
    """A named set of functions and classes.

    Args:
        name: letters, digits, dashes, dots, underscores. An app that only ever runs from its own file may have none.
        image: for functions that name none; default: `Image.debian_slim()`.
        secrets: for every function, beside its own.
        volumes: for every function, by mount path.
        include_source: whether the user's own modules are shipped; a function may say otherwise.

    Raises:
        InvalidError: the name cannot be used.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        image: Image | None = None,
        secrets: Sequence[Secret] = (),
        volumes: Mapping[str, Any] | None = None,
        include_source: bool = True,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self._name = None if name is None else check_name("an app", name)
        self._defaults = settings("App", Behaviour(), {"image": image, "secrets": list(secrets), "volumes": volumes})
        self._include_source = include_source
        self.tags = dict(tags or {})
        self._registered: dict[str, Registered] = {}
        self._entrypoints: dict[str, LocalEntrypoint] = {}
        self._run: Run | None = None
        self._environment: str | None = None
        self.looked_up = False  #: by `lookup`, so that its sandboxes need no run

    @property
    def name(self) -> str | None:
        """The name it was given."""
        return self._name

    @property
    def app_id(self) -> str | None:
        """The id of its run, or of what its sandboxes run in if it was looked up; None while there is none."""
        if self._run is not None:
            return self._run.id
        found = lasting.found(self._name or "", self._environment) if self.looked_up else None
        return None if found is None else found.id

    @property
    def current_run(self) -> Run | None:
        """Its run; None while it does not run."""
        return self._run

    @property
    def registered_functions(self) -> dict[str, Function[..., Any]]:
        """Its functions by name."""
        return {name: each.item for name, each in self._registered.items() if isinstance(each.item, Function)}

    @property
    def registered_classes(self) -> dict[str, Cls[Any]]:
        """Its classes by name."""
        return {name: each.item for name, each in self._registered.items() if isinstance(each.item, Cls)}

    @property
    def registered_entrypoints(self) -> dict[str, LocalEntrypoint]:
        """Its local entrypoints by name."""
        return dict(self._entrypoints)

    @property
    def registered(self) -> tuple[Registered, ...]:
        """All its functions and classes, in order."""
        return tuple(self._registered.values())

    def __repr__(self) -> str:
        return f"App({self._name!r})"

    def __reduce__(self) -> tuple[type, tuple[str | None]]:
        return App, (self._name,)

    # ---- registering ------------------------------------------------------------------------------------------------

    def function(
        self,
        *unexpected: Any,
        image: Image | None = None,
        schedule: Schedule | None = None,
        env: Mapping[str, str | None] | None = None,
        secrets: Sequence[Secret] | None = None,
        gpu: Gpu = None,
        serialized: bool = False,
        volumes: Mapping[Any, Any] | None = None,
        cpu: float | tuple[float, float] | None = None,
        memory: int | tuple[int, int] | None = None,
        min_containers: int | None = None,
        max_containers: int | None = None,
        buffer_containers: int | None = None,
        scaledown_window: float | None = None,
        retries: int | Retries | None = None,
        timeout: float | None = None,
        startup_timeout: float | None = None,
        name: str | None = None,
        is_generator: bool | None = None,
        enable_memory_snapshot: bool | None = None,
        block_network: bool | None = None,
        single_use_containers: bool | None = None,
        include_source: bool | None = None,
        **other: Any,
    ) -> _FunctionDecorator:
        """Make a function callable in containers.

        Args:
            image: what it runs in; default: the app's, else `Image.debian_slim()`.
            schedule: when it runs by itself once deployed; it does not run by itself in `app.run()`.
            env: environment variables of its containers.
            secrets: more of them, with values that never show.
            gpu: "H100", "A100:2", "any", or a list in order of preference (gpu.request).
            serialized: ship the function itself instead of its source file; needed for functions inside functions.
            volumes: by mount path.
            cpu: cores, or (request, limit).
            memory: MiB, or (request, limit).
            min_containers: kept while the app runs; max_containers: never more; buffer_containers: extra ones while
                active (scale.limits).
            scaledown_window: seconds that an idle container stays; default 60.
            retries: more tries after a failure, or `Retries(...)` (retry.policy).
            timeout: seconds for one try; default 300 (call.timeout).
            startup_timeout: seconds for a container to start; default: none of its own.
            name: default: the function's own.
            is_generator: whether it yields; found out by itself for plain generator functions.
            enable_memory_snapshot: start containers as forks of one that has imported the module.
            block_network: reach nothing.
            single_use_containers: one input per container.
            include_source: whether the user's own modules are shipped.
            other: older spellings, each of which warns once with today's.

        Raises:
            InvalidError: a value is wrong, or the name is taken.
            CapabilityNotSupported: an option that means nothing here.
        """
        _parentheses("function", unexpected)
        given = {
            "image": image, "schedule": schedule, "env": env, "secrets": secrets, "gpu": gpu, "volumes": volumes,
            "cpu": cpu, "memory": memory, "min_containers": min_containers, "max_containers": max_containers,
            "buffer_containers": buffer_containers, "scaledown_window": scaledown_window, "retries": retries,
            "timeout": timeout, "startup_timeout": startup_timeout, "enable_memory_snapshot": enable_memory_snapshot,
            "block_network": block_network, "single_use_containers": single_use_containers, **other,
        }  # fmt: skip
        behaviour = settings("@app.function", self._defaults, given)

        def decorate(function: Any) -> Any:
            partial = _partial(function)
            if is_generator is not None:
                partial = replace(partial, generator=is_generator)
            place = place_of(partial.raw)
            label = name or _name_of(partial.raw)
            own = _with_concurrency(behaviour, partial.concurrency)
            check_retries(repr(label), partial, own)
            if own.schedule is not None:
                from intermodal.definitions.schedules import check_scheduled

                check_scheduled(repr(label), partial)
            target = CallTarget(self._app_name(place), place.key)
            result: Function[..., Any] = Function(
                label, target, partial.is_generator, Code(partial, own, lambda: partial.raw)
            )
            self._register(label, result, _pickled_if(serialized, place, "function"), own, include_source)
            return result

        return decorate

    @dataclass_transform(kw_only_default=True, field_specifiers=(parameter,))
    def cls(
        self,
        *unexpected: Any,
        image: Image | None = None,
        env: Mapping[str, str | None] | None = None,
        secrets: Sequence[Secret] | None = None,
        gpu: Gpu = None,
        serialized: bool = False,
        volumes: Mapping[Any, Any] | None = None,
        cpu: float | tuple[float, float] | None = None,
        memory: int | tuple[int, int] | None = None,
        min_containers: int | None = None,
        max_containers: int | None = None,
        buffer_containers: int | None = None,
        scaledown_window: float | None = None,
        retries: int | Retries | None = None,
        timeout: float | None = None,
        startup_timeout: float | None = None,
        name: str | None = None,
        enable_memory_snapshot: bool | None = None,
        block_network: bool | None = None,
        single_use_containers: bool | None = None,
        include_source: bool | None = None,
        **other: Any,
    ) -> Callable[[C], C]:
        """Make a class whose objects live in containers (cls.lifecycle). Options as for `function`.

        Raises:
            InvalidError: a value is wrong, the name is taken, or the class cannot work in a container.
            CapabilityNotSupported: an option that means nothing here.
        """
        _parentheses("cls", unexpected)
        given = {
            "image": image, "env": env, "secrets": secrets, "gpu": gpu, "volumes": volumes, "cpu": cpu,
            "memory": memory,
            "min_containers": min_containers, "max_containers": max_containers, "buffer_containers": buffer_containers,
            "scaledown_window": scaledown_window, "retries": retries, "timeout": timeout,
            "startup_timeout": startup_timeout, "enable_memory_snapshot": enable_memory_snapshot,
            "block_network": block_network, "single_use_containers": single_use_containers, **other,
        }  # fmt: skip
        behaviour = settings("@app.cls", self._defaults, given)

        def decorate(raw: Any) -> Any:
            check_class(raw, behaviour)
            own = _with_concurrency(behaviour, concurrency_of(raw))
            place = place_of(raw)
            label = name or raw.__name__
            result: Cls[Any] = Cls(label, self._app_name(place), place.key, raw, own)
            self._register(label, result, _pickled_if(serialized, place, "class"), own, include_source)
            setattr(raw, CLS, result)
            return result

        return decorate

    def local_entrypoint(
        self, *unexpected: Any, name: str | None = None
    ) -> Callable[[Callable[P, R]], LocalEntrypoint]:
        """Mark the function that `intermodal run FILE` calls, here, with options from its annotations."""
        _parentheses("local_entrypoint", unexpected)

        def decorate(function: Callable[P, R]) -> LocalEntrypoint:
            entrypoint = LocalEntrypoint(function, self, name)
            if entrypoint.name in self._entrypoints:
                other = place_of(self._entrypoints[entrypoint.name].raw)
                raise InvalidError(
                    f"two local entrypoints are named {entrypoint.name!r}: at {other} and at {place_of(function)}; "
                    "rename one, or give name="
                )
            self._entrypoints[entrypoint.name] = entrypoint
            return entrypoint

        return decorate

    def include(self, other_app: App, inherit_tags: bool = True) -> App:
        """Add the functions and classes of another app to this one. Raises `InvalidError` where a name is taken."""
        for label, each in other_app._registered.items():
            self._add(label, each)
        if inherit_tags:
            self.tags = {**other_app.tags, **self.tags}
        return self

    def _register(self, label: str, item: Any, place: Place, behaviour: Behaviour, include_source: bool | None) -> None:
        included = self._include_source if include_source is None else include_source
        self._add(check_label(label), Registered(item, label, place, behaviour, included))
        binding.remember(place.module, place.qualname, item)

    def _add(self, label: str, new: Registered) -> None:
        old = self._registered.get(label)
        # The same place again: a notebook cell that was run once more, or a module that was reloaded.
        if old is not None and old.place != new.place and (old.place.file or new.place.file):
            raise InvalidError(
                f"two functions of app {self._name!r} are named {label!r}: at {old.place} and at {new.place}; "
                "rename one, or give it another name with @app.function(name=...)"
            )
        for other in self._registered.values():
            if other.name != label and other.place.key == new.place.key and new.place.file is not None:
                raise InvalidError(
                    f"the code at {new.place} is in app {self._name!r} twice, as {other.name!r} and as {label!r}: "
                    "define a function for each, which may call a common one"
                )
        self._registered[label] = new

    def _app_name(self, place: Place) -> str:
        return self._name or place.module.replace("__main__", "app").replace(".", "-")

    # ---- running ----------------------------------------------------------------------------------------------------

    def run(
        self,
        *,
        backend: str | None = None,
        show_output: bool | None = None,
        show_progress: bool | None = None,
        detach: bool = False,
    ) -> Run:
        """Run the app while a `with` or `async with` block lasts: `with app.run(): f.remote(1)`.

        Args:
            backend: where containers run; default: `--backend`, `INTERMODAL_BACKEND` or the configuration.
            show_output: print what containers print; default: as `enable_output()` says.
            show_progress: show image builds, containers and maps; default: as `enable_output()` says.
            detach: at a server, which this needs, it goes on without this process, until the calls that were submitted
                have ended.

        Raises, on entering: what the plugin host and the backend raise; `CapabilityNotSupported` naming what the app
        uses and this version cannot do.
        """
        from intermodal.definitions.running import Run

        return Run(self, backend=backend, show_output=show_output, show_progress=show_progress, detach=detach)

    def running(self, run: Run | None) -> None:
        """A run of it has begun, or (None) ended."""
        self._run = run

    @dual_classmethod
    async def lookup(
        cls: type[App], name: str, *, environment_name: str | None = None, create_if_missing: bool = False
    ) -> App:
        """An app whose sandboxes need no run: `Sandbox.create(app=App.lookup("mine", create_if_missing=True))`.

        What they run in begins with the first of them and lasts as long as this process, however that ends. Functions
        of the app are called in `with app.run():` as ever.

        Args:
            environment_name: that of the named objects which its sandboxes use; default: as configured.
            create_if_missing: has to be True: deployed apps are called by `Function.from_name` and `Cls.from_name`.

        Raises:
            InvalidError: the name cannot be used.
            NotFoundError: `create_if_missing` was not given.
        """
        app = cls(name)
        if not create_if_missing:
            raise NotFoundError(
                f"App.lookup({name!r}) finds no app to make sandboxes of: that is App.lookup({name!r}, "
                f"create_if_missing=True). What a server has deployed is called by Function.from_name({name!r}, ...)"
            )
        app.looked_up, app._environment = True, environment_name
        return app

    def session(self) -> LastingSession:
        """What the sandboxes of an app that was looked up run in; it begins with the first use."""
        return lasting.session_of(self._name or "", self._environment)

    # ---- deploying --------------------------------------------------------------------------------------------------

    @dual
    async def deploy(
        self,
        *,
        name: str | None = None,
        environment_name: str | None = None,
        tag: str = "",
        show_progress: bool | None = None,
    ) -> DeployedVersion:
        """Have the server carry it out from now on (deploy.rolling). Returns when the new version takes calls; the one
        before ends when the calls that it has have ended.

        Args:
            name: to be found by; default: the app's own.
            environment_name: default: as configured.
            tag: a word about this version, a commit's hash, say.
            show_progress: whether the progress of builds is shown on stderr; default: where a person looks.

        Raises what keeps the version from becoming ready; then the one before goes on. `ConfigError`: no server is
        configured.
        """
        from intermodal.definitions.deploying import start_deploying

        return await start_deploying(
            self, name=name, environment=environment_name, tag=tag, show_progress=show_progress
        )


class _FunctionDecorator(Protocol):
    """What `@app.function()` makes of each kind of function."""

    @overload
    def __call__(self, function: Partial[P, R]) -> Function[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]]) -> Function[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R]) -> Function[P, R]: ...


def check_label(label: str) -> str:
    """Raises `InvalidError` where a function's or class's name cannot be used."""
    return check_name("a function or class", label)


def _partial(function: Any) -> Partial[Any, Any]:
    if isinstance(function, Partial):
        if not function.callable_remotely:
            raise InvalidError("@app.function() got a lifecycle hook: enter and exit belong into an @app.cls() class")
        return function
    if isinstance(function, type):
        raise InvalidError(f"@app.function() got the class {function.__name__}: use @app.cls()")
    if isinstance(function, (Function, Cls)) or not callable(function):
        raise InvalidError(f"@app.function() decorates a plain function, and got {function!r:.80}")
    qualname = getattr(function, "__qualname__", "")
    owner = qualname.rpartition(".")[0]
    if owner and not owner.endswith("<locals>"):
        raise InvalidError(
            f"{qualname} is a method: put @intermodal.method() on it and @app.cls() on its class, in place of "
            "@app.function()"
        )
    return Partial(function)


def _name_of(raw: Any) -> str:
    label: str = getattr(raw, "__name__", "")
    if not label or not label.isidentifier():
        raise InvalidError(f"{raw!r:.80} has no name of its own: give @app.function(name=..., serialized=True)")
    return label


def _with_concurrency(behaviour: Behaviour, limits: Concurrency | None) -> Behaviour:
    if limits is None:
        return behaviour
    return replace(behaviour, max_inputs=limits.max_inputs, target_inputs=limits.target_inputs)


def _pickled_if(serialized: bool, place: Place, kind: str) -> Place:
    if serialized:
        return replace(place, pickled=True)
    if place.file is not None and "<" in place.qualname:
        raise InvalidError(
            f"{place.qualname!r} at {place} is not at the top level of its module, so a container cannot import it: "
            f"move it there, or give serialized=True to ship the {kind} itself"
        )
    return place


def _parentheses(name: str, unexpected: tuple[Any, ...]) -> None:
    if unexpected:
        raise InvalidError(f"write @app.{name}() with parentheses, and its options by keyword")
