"""Sealing: AES-256-GCM with the key of a data directory. Who has a sealed text without the key file has nothing."""

from __future__ import annotations

import base64
import os
import secrets as tokens
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from intermodal.exception import ConfigError
from intermodal.plugins.holding import exclusively

__all__ = ["NotOpened", "Sealer", "write_private"]

_KEY_BYTES = 32
_NONCE_BYTES = 12


class NotOpened(Exception):
    """Sealed with another key, or for another purpose; or damaged."""


class Sealer:
    """Seals and opens.

    Args:
        key_file: 32 random bytes in base64; made, for its owner only, when something is first sealed.
    """

    def __init__(self, key_file: Path) -> None:
        self.key_file = key_file

    def seal(self, data: bytes, bound: bytes) -> dict[str, str]:
        """What is safe to keep. It opens with the same `bound` only: say in it what the data belongs to.

        Raises `ConfigError`: the key file cannot be used.
        """
        nonce = tokens.token_bytes(_NONCE_BYTES)
        box = self._cipher(make=True).encrypt(nonce, data, bound)
        return {"nonce": _text(nonce), "box": _text(box)}

    def open(self, sealed: Mapping[str, str], bound: bytes) -> bytes:
        """What was sealed. Raises `NotOpened`, `ConfigError`; `KeyError`, `TypeError`, `ValueError`: nothing that
        `seal` has given."""
        from cryptography.exceptions import InvalidTag

        nonce, box = (base64.b64decode(sealed[part], validate=True) for part in ("nonce", "box"))
        try:
            data: bytes = self._cipher().decrypt(nonce, box, bound)
        except InvalidTag:
            raise NotOpened from None
        return data

    def _cipher(self, *, make: bool = False) -> Any:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key(make))

    def _key(self, make: bool) -> bytes:
        path = self.key_file
        if make and not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with exclusively(path.with_name(f".{path.name}.lock")):
                if not path.exists():
                    write_private(path, _text(tokens.token_bytes(_KEY_BYTES)))
        try:
            with open(path) as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    raise ConfigError(f"others may read the key of the secrets, {path}: run `chmod 600 {path}`")
                key = base64.b64decode(file.read(), validate=True)
        except FileNotFoundError:
            raise ConfigError(
                f"the key of the secrets, {path}, is not there: bring it back, or set INTERMODAL_SECRET_KEY_FILE to "
                "where it is"
            ) from None
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES:
            raise ConfigError(f"{path} holds no key of secrets: {_KEY_BYTES} bytes in base64 are expected")
        return key


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def write_private(path: Path, text: str) -> None:
    """A file for its owner only, whole or not at all, and on the disk."""
    new = path.with_name(f".{path.name}.{tokens.token_hex(8)}")
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)
