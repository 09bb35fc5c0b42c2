"""What queues and dicts share: named or ephemeral, created at first use, pickled as a handle."""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from intermodal.client.api import Client, Reply
from intermodal.client.checking import checked_class
from intermodal.client.control_plane import control_plane
from intermodal.client.dual import Dual, dual_classmethod
from intermodal.client.shown import shown
from intermodal.definitions.named import Objects
from intermodal.definitions.naming import check_name
from intermodal.exception import InvalidError, SerializationError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Ephemeral", "StateObject", "checked_timeout", "dump_key"]

S = TypeVar("S", bound="StateObject")


@checked_class
class StateObject:
    """A handle of an object that the control plane keeps."""

    #: "queue" or "dict": the first part of its requests' names.
    kind: ClassVar[str]

    def __init__(
        self,
        name: str | None,
        *,
        object_id: str | None = None,
        environment: str | None = None,
        create_if_missing: bool = False,
        initial: Sequence[bytes] = (),
    ) -> None:
        self._name = name
        self._environment = environment
        self._create_if_missing = create_if_missing
        self._initial = tuple(initial)
        # The id belongs to one control plane: a handle that outlives a run asks the next one anew.
        self._known: tuple[Client, str] | None = None
        self._fixed_id = object_id

    @property
    def name(self) -> str | None:
        """The name it was looked up by; None for ephemeral ones."""
        return self._name

    @property
    def object_id(self) -> str | None:
        """Its id, once it was used."""
        return self._fixed_id or (None if self._known is None else self._known[1])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name or self._fixed_id!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (type(self), self._name, self._fixed_id, self._environment, self._create_if_missing)

    @dual_classmethod
    async def delete(cls: type[StateObject], name: str, *, environment_name: str | None = None) -> None:
        """Remove a named one with all it holds. Raises `NotFoundError`."""
        await Objects(cls).delete.__wrapped__(name, environment_name=environment_name)

    async def _request(self, operation: str, segments: Sequence[bytes] = (), **params: Any) -> Reply:
        identity = await self._identity()
        return await control_plane().request(f"{self.kind}.{operation}", {"id": identity, **params}, segments)

    async def _identity(self) -> str:
        """Its id, for which it is looked up or made at its first use."""
        client, known = control_plane(), self._known
        return self._fixed_id or (known[1] if known and known[0] is client else await self._create(client))

    async def _create(self, client: Client) -> str:
        params = {
            "name": self._name,
            "environment": self._environment,
            "create_if_missing": self._create_if_missing,
        }
        reply = await client.request(f"{self.kind}.create", params, self._initial)
        identity = str(reply.value["id"])
        self._known = (client, identity)
        return identity

    @classmethod
    def _named(cls, name: str, environment: str | None, create: bool, initial: Sequence[bytes] = ()) -> Self:
        check_name(f"a {cls.kind}", name)
        return cls(name, environment=environment, create_if_missing=create, initial=initial)

    @classmethod
    async def _make(cls, initial: Sequence[bytes]) -> Self:
        made = cls(None, initial=initial)
        made._fixed_id = await made._create(control_plane())
        return made

    async def _close(self) -> None:
        await self._request("close")


class Ephemeral(Generic[S]):
    """An object that ends with its block: `with` in sync code, `async with` in async code."""

    def __init__(self, cls: type[S], initial: Sequence[bytes] = ()) -> None:
        self._make = Dual(partial(cls._make, initial))
        self._made: S | None = None

    def __enter__(self) -> S:
        self._made = self._make()
        return self._made

    def __exit__(self, *exc: object) -> None:
        if self._made is not None:
            Dual(self._made._close)()

    async def __aenter__(self) -> S:
        self._made = await self._make.aio()
        return self._made

    async def __aexit__(self, *exc: object) -> None:
        if self._made is not None:
            await Dual(self._made._close).aio()


def _unpickle(
    cls: type[StateObject], name: str | None, object_id: str | None, environment: str | None, create: bool
) -> Any:
    return cls(name, object_id=object_id, environment=environment, create_if_missing=create)


def dump_key(key: Any) -> bytes:
    """Equal keys give equal bytes, which is how the control plane compares them: 1, 1.0 and True are three keys.

    Raises:
        SerializationError: the key cannot be pickled, or holds a set, whose order is not stable.
    """
    _refuse_sets(key, key)
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer, protocol=4)
    pickler.fast = True  # no memo: whether two equal strings are one object must not show
    try:
        hash(key)
        pickler.dump(key)
    except (TypeError, pickle.PicklingError, AttributeError) as error:
        raise SerializationError(f"{shown(key)} cannot be a key of a Dict: {error}") from None
    return buffer.getvalue()


def _refuse_sets(part: Any, key: Any) -> None:
    if isinstance(part, (set, frozenset)):
        raise SerializationError(
            f"{shown(key)} cannot be a key of a Dict: sets have no stable order; use a sorted tuple"
        )
    if isinstance(part, tuple):
        for each in part:
            _refuse_sets(each, key)


def checked_timeout(timeout: float | None) -> float | None:
    """Seconds, or None for no limit. Raises `InvalidError`."""
    if timeout is not None and timeout < 0:
        raise InvalidError(f"timeout={timeout} must be seconds of at least 0, or None")
    return timeout
