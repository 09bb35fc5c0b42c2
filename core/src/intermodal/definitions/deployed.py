"""Handles of what is deployed: functions and classes by name, from any process (deploy.lookup)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from intermodal.client.api import CallTarget, Client
from intermodal.client.control_plane import outside
from intermodal.client.dual import dual
from intermodal.definitions.classes import Cls
from intermodal.definitions.functions import Function
from intermodal.definitions.naming import check_name
from intermodal.definitions.options import Behaviour
from intermodal.exception import InvalidError, NotFoundError
from intermodal.specs.parameters import encode

__all__ = ["DeployedCls", "DeployedFunction", "DeployedObj", "function_named"]


class DeployedFunction(Function[..., Any]):
    """A function or method of a deployed app, looked up at its first use. Each call goes to the version that is live
    then.

    Raises at its first use: `NotFoundError`, which lists what there is.
    """

    def __init__(self, app: str, name: str, environment: str | None, method: str = "", parameters: bytes = b"") -> None:
        label = f"{name}.{method}" if method else name
        super().__init__(label, CallTarget(app, name, method, parameters), False)
        self._environment = environment
        self._known = False

    def __reduce__(self) -> tuple[Any, ...]:
        of = self._target
        return DeployedFunction, (of.app, of.key, self._environment, of.method, of.parameters)

    @property
    def is_generator(self) -> bool:
        """True where it yields: then `.remote_gen()` calls it (gen.stream)."""
        if not self._known:
            self.hydrate()
        return self._is_generator

    @dual
    async def hydrate(self) -> DeployedFunction:
        """Look it up now."""
        await self._reached()
        return self

    async def _reached(self) -> Client:
        """Who carries out its calls."""
        client = outside()
        if not self._known:
            of = self._target
            found = await _look_up(client, of.app, of.key, self._environment)
            methods: Mapping[str, bool] = found["methods"]
            if of.method not in methods:
                _refuse_method(self._name, of.key, found)
            self._is_generator = methods[of.method]
            self._target = CallTarget(of.app, of.key, of.method, of.parameters, "", found["environment"])
            self._known = True
        return client

    def _reached_now(self) -> Client | None:
        """See `Function`."""
        return outside() if self._known else None


class DeployedCls(Cls[Any]):
    """A class of a deployed app. Its objects are made with parameters by keyword; what they are is checked there."""

    def __init__(self, app: str, name: str, environment: str | None) -> None:
        super().__init__(name, app, name, None, Behaviour())
        self._environment = environment

    def __reduce__(self) -> tuple[Any, ...]:
        return DeployedCls, (self._app, self._name, self._environment)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if args:
            raise InvalidError(f"{self._name}() takes its parameters by keyword, as in {self._name}(name=...)")
        return DeployedObj(self._app, self._name, self._environment, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise InvalidError(f"{self._name}.{name} belongs to an object: write {self._name}().{name}")

    @dual
    async def hydrate(self) -> DeployedCls:
        """Look it up now. Raises `NotFoundError`, which lists what there is."""
        found = await _look_up(outside(), self._app, self._name, self._environment)
        if not found["class"]:
            raise NotFoundError(
                f"{self._name!r} of the app {self._app!r} is a function: use Function.from_name({self._app!r}, "
                f"{self._name!r})"
            )
        return self


class DeployedObj:
    """One object of a deployed class: its attributes are its methods, as `Function`s."""

    def __init__(self, app: str, name: str, environment: str | None, values: Mapping[str, Any]) -> None:
        for parameter, value in values.items():
            if type(value) not in (str, int, bytes, bool):
                raise InvalidError(f"{name}({parameter}=...) takes str, int, bytes or bool, got {value!r:.60}")
        self._of = app, name, environment
        self._values = dict(values)
        self._methods: dict[str, DeployedFunction] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return DeployedObj, (*self._of, self._values)

    def __getattr__(self, name: str) -> DeployedFunction:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._methods:
            self._methods[name] = DeployedFunction(*self._of, name, encode(self._values))
        return self._methods[name]

    def __repr__(self) -> str:
        return f"{self._of[1]}({', '.join(f'{name}={value!r:.60}' for name, value in self._values.items())})"


def function_named(app: str, name: str, environment: str | None) -> DeployedFunction:
    """The handle of `Function.from_name`: "Model.predict" is a method of a class that takes no parameters."""
    check_name("an app", app)
    owner, _, method = name.partition(".")
    return DeployedFunction(app, owner, environment, method)


async def _look_up(client: Client, app: str, name: str, environment: str | None) -> dict[str, Any]:
    reply = await client.request("app.lookup", {"app": app, "function": name, "environment": environment})
    return dict(reply.value)


def _refuse_method(label: str, name: str, found: Mapping[str, Any]) -> NoReturn:
    methods = ", ".join(found["methods"]) or "none"
    if not found["class"]:
        raise NotFoundError(f"{name!r} is a function, and has no method: {label!r}")
    raise NotFoundError(f"there is no {label!r}: {name} is a class, and its methods are: {methods}")
