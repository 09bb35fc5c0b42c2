"""`Secret.objects`, and reading a named secret on the caller's side (secret.*)."""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from intermodal.client.checking import checked_class
from intermodal.client.context import in_container
from intermodal.client.dual import dual
from intermodal.definitions.naming import check_name, check_variables
from intermodal.exception import AlreadyExistsError, InvalidError, NotFoundError

__all__ = ["NamedSecrets", "SecretSummary", "read_named"]


@dataclass(frozen=True)
class SecretSummary:
    """A named secret without its values.

    Attributes:
        created_at: in UTC.
        keys: the names of its variables.
    """

    name: str
    created_at: datetime
    keys: tuple[str, ...]


@checked_class
class NamedSecrets:
    """The named secrets of this machine's data directory, or of its server's. Their values are encrypted there."""

    _called = "Secret.objects"

    @dual
    async def create(
        self,
        name: str,
        env_dict: Mapping[str, str],
        *,
        allow_existing: bool = False,
        overwrite: bool = False,
        environment_name: str | None = None,
    ) -> None:
        """Keep a secret. One that is there is an error, or (`allow_existing`) stays as it is, or (`overwrite`) is
        replaced. Raises `AlreadyExistsError`, `InvalidError`.
        """
        check_variables("Secret.objects.create", env_dict)
        store, environment = _store(environment_name)
        try:
            store.create(check_name("a secret", name), environment, env_dict, overwrite=overwrite)
        except AlreadyExistsError:
            if not allow_existing:
                raise

    @dual
    async def list(self, *, environment_name: str | None = None) -> builtins.list[SecretSummary]:
        """All of an environment, by name."""
        store, environment = _store(environment_name)
        return [
            SecretSummary(each.name, datetime.fromtimestamp(each.created, timezone.utc), each.keys)
            for each in store.list(environment)
        ]

    @dual
    async def delete(self, name: str, *, allow_missing: bool = False, environment_name: str | None = None) -> None:
        """Remove one. Raises `NotFoundError`."""
        store, environment = _store(environment_name)
        try:
            store.delete(check_name("a secret", name), environment)
        except NotFoundError:
            if not allow_missing:
                raise


def read_named(name: str, environment_name: str | None, required: Sequence[str]) -> dict[str, str]:
    """The values. Raises `NotFoundError`, which names keys and never values."""
    store, environment = _store(environment_name)
    values: dict[str, str] = store.read(name, environment)
    missing = [key for key in required if key not in values]
    if missing:
        raise NotFoundError(
            f"the secret {name!r} in environment {environment!r} lacks {', '.join(missing)}, which this program "
            f"requires (it has {', '.join(sorted(values)) or 'nothing'}): make it anew with "
            f"`intermodal secret create {name} ... --force`"
        )
    return values


def _store(environment_name: str | None) -> tuple[Any, str]:
    if in_container():
        raise InvalidError(
            "named secrets are read where the app was started, not in a container: give them to the function with "
            "secrets=[...], which sets its environment"
        )
    # Named late and by text: this is a room that containers do not have, nor may definitions know it.
    store, environment = importlib.import_module("intermodal.remote").secret_store()
    return store, environment_name or environment
