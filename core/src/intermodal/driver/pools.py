"""From what a call names (function, class parameters, options) to the pool of containers that serves it."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass

from intermodal.client.api import CallTarget
from intermodal.engine.events import MethodPolicy, PoolSpec
from intermodal.exception import InvalidError, NotFoundError
from intermodal.specs import AppSpec, FunctionSpec, from_json, to_json

__all__ = ["Pool", "PoolBook", "pool_spec"]


#: Pools that may be there before the first look for unused ones.
MANY = 256

#: App, function, pickled parameters, options.
_Key = tuple[str, str, bytes, str]


@dataclass(frozen=True, slots=True)
class Pool:
    """One pool: the function with its options applied, and class parameters (`specs.parameters`)."""

    id: str
    function: FunctionSpec
    parameters: bytes
    key: _Key
    web: frozenset[str]  #: the names of its web methods


class PoolBook:
    """Pools by what was called; each is made at its first call (cls.parameters: a separate pool per value).

    `crowded` says that so many were made that those should go which nobody uses any more.
    """

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._most = MANY
        self._functions: dict[tuple[str, str], FunctionSpec] = {}
        self._by_target: dict[_Key, Pool] = {}
        self.by_id: dict[str, Pool] = {}

    def register(self, app: AppSpec) -> None:
        """Make an app's functions callable."""
        for function in app.functions:
            self._functions[app.name, function.key] = function

    def function(self, app: str, key: str) -> FunctionSpec:
        """Raises `NotFoundError` listing what there is."""
        found = self._functions.get((app, key))
        if found is None:
            # Top-level code may compute another app name inside a container; the code's own place is what binds.
            others = [spec for (_, other), spec in self._functions.items() if other == key]
            if len(others) == 1:
                return others[0]
            known = ", ".join(sorted(f"{a}/{k}" for a, k in self._functions)) or "none"
            raise NotFoundError(f"no function {key!r} in the running app {app!r}; running are: {known}")
        return found

    def resolve(self, target: CallTarget) -> tuple[Pool, bool]:
        """The pool for a target, and whether it is new."""
        key = (target.app, target.key, target.parameters, target.options)
        pool = self._by_target.get(key)
        if pool is not None:
            return pool, False
        function = self.function(target.app, target.key)
        if target.options:
            function = _with_options(function, target.options)
        web = frozenset(method.name for method in function.methods if method.web is not None)
        pool = Pool(f"{function.name}-{next(self._numbers)}", function, target.parameters, key, web)
        self._by_target[key] = self.by_id[pool.id] = pool
        return pool, True

    def crowded(self) -> bool:
        """True once for every `MANY` pools beyond those that are in use."""
        if len(self.by_id) < self._most:
            return False
        self._most = len(self.by_id) + MANY
        return True

    def forget(self, id: str) -> None:
        """The engine let go of it: the next call makes another one."""
        pool = self.by_id.pop(id, None)
        if pool is not None:
            del self._by_target[pool.key]
            self._most = len(self.by_id) + MANY


def _with_options(function: FunctionSpec, options: str) -> FunctionSpec:
    try:
        changed = json.loads(options)
        return from_json(FunctionSpec, {**to_json(function), **changed})
    except (ValueError, TypeError) as error:
        raise InvalidError(f"options of {function.name!r} cannot be used: {error}") from None


def pool_spec(function: FunctionSpec, grace_s: float) -> PoolSpec:
    """What the engine needs to know of a function."""
    return PoolSpec(
        app=function.app,
        resources=function.resources,
        scaling=function.scaling,
        timeout_s=function.timeout_s,
        startup_timeout_s=function.startup_timeout_s,
        max_inputs=function.max_inputs,
        target_inputs=function.target_inputs,
        methods={
            method.name: MethodPolicy(
                retries=method.retries or function.retries,
                batching=method.batching,
                is_generator=method.is_generator,
                is_async=method.is_async,
            )
            for method in function.methods
        },
        grace_s=grace_s,
        single_use=function.single_use,
    )
