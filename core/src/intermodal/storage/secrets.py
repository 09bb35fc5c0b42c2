"""Named secrets at rest: a file for each, its values encrypted with the key of this data directory (secret.*)."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intermodal.exception import AlreadyExistsError, BackendError, ConfigError, InvalidError, NotFoundError
from intermodal.plugins.holding import exclusively
from intermodal.specs.names import NAME_RULE, is_name
from intermodal.storage.data_dir import using
from intermodal.storage.sealing import NotOpened, Sealer, write_private

__all__ = ["SecretInfo", "SecretStore"]

_VERSION = 1


@dataclass(frozen=True, slots=True)
class SecretInfo:
    """One secret without its values. `created` is in Unix seconds; `keys` are the names of its variables."""

    name: str
    created: float
    keys: tuple[str, ...]


class SecretStore:
    """The secrets in a directory. Values are sealed with AES-256-GCM, bound to the secret's name and environment.

    Who has the directory without the key file reads names only; who has both, everything.

    Args:
        directory: one directory for each environment in it.
        key_file: 32 random bytes in base64; made, for its owner only, when a secret is first kept.
    """

    def __init__(self, directory: Path, key_file: Path) -> None:
        self._directory = directory
        self._sealer = Sealer(key_file)

    def create(self, name: str, environment: str, values: Mapping[str, str], *, overwrite: bool = False) -> None:
        """Keep a secret, whole or not at all.

        Raises `AlreadyExistsError`, `ConfigError` (the key file or the directory), `ResourceExhaustedError`.
        """
        path = self._path(name, environment)
        with using(self._directory.parent):
            self._keep(path, name, environment, values, overwrite=overwrite)

    def _keep(self, path: Path, name: str, environment: str, values: Mapping[str, str], *, overwrite: bool) -> None:
        record = {"version": _VERSION, "created": time.time(), "keys": sorted(values)}
        sealed = self._sealer.seal(json.dumps(dict(values)).encode(), _bound(name, environment))
        data = json.dumps({**record, **sealed})
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with exclusively(self._directory / ".lock"):
            if path.exists() and not overwrite:
                raise AlreadyExistsError(
                    f"there is a secret named {name!r} in environment {environment!r} already: overwrite it with "
                    "--force (in Python, overwrite=True), or delete it"
                )
            write_private(path, data)

    def read(self, name: str, environment: str) -> dict[str, str]:
        """The values. Raises `NotFoundError`, `ConfigError`: not with this key."""
        record = self._record(name, environment)
        try:
            values: dict[str, str] = json.loads(self._sealer.open(record, _bound(name, environment)))
        except NotOpened:
            raise ConfigError(
                f"the secret {name!r} cannot be decrypted with the key in {self._sealer.key_file}: bring back the key "
                f"it was made with, or make the secret anew with `intermodal secret create {name} ... --force`"
            ) from None
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(name, error) from None
        return values

    def list(self, environment: str) -> list[SecretInfo]:
        """All of an environment, by name."""
        folder = self._path("any", environment).parent
        found = []
        for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
            with suppress(NotFoundError):  # deleted meanwhile
                record = self._record(path.name.removesuffix(".json"), environment)
                info = SecretInfo(path.name.removesuffix(".json"), float(record["created"]), tuple(record["keys"]))
                found.append(info)
        return found

    def delete(self, name: str, environment: str) -> None:
        """Remove one. Raises `NotFoundError`."""
        try:
            self._path(name, environment).unlink()
        except FileNotFoundError:
            raise _unknown(name, environment) from None

    def _path(self, name: str, environment: str) -> Path:
        for what, text in (("name of a secret", name), ("name of an environment", environment)):
            if not is_name(text):
                raise InvalidError(f"{text!r} cannot be the {what}: {NAME_RULE}")
        return self._directory / environment / f"{name}.json"

    def _record(self, name: str, environment: str) -> dict[str, Any]:
        try:
            record = json.loads(self._path(name, environment).read_text())
            if record["version"] != _VERSION:
                raise ValueError(f"version {record['version']}, and this Intermodal knows {_VERSION}")
        except FileNotFoundError:
            raise _unknown(name, environment) from None
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(name, error) from None
        return dict(record)


def _bound(name: str, environment: str) -> bytes:
    """What a sealed value belongs to: under another name it does not open."""
    return json.dumps([_VERSION, environment, name]).encode()


def _unknown(name: str, environment: str) -> NotFoundError:
    return NotFoundError(
        f"there is no secret named {name!r} in environment {environment!r}: make it with "
        f"`intermodal secret create {name} KEY=VALUE`, or correct the name"
    )


def _damaged(name: str, error: Exception) -> BackendError:
    return BackendError(
        f"the file of the secret {name!r} is damaged ({type(error).__name__}): delete the secret and make it anew"
    )
