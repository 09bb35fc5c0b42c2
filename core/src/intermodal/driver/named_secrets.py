"""The named secrets of this process's data directory."""

from __future__ import annotations

from pathlib import Path

from intermodal.plugins import Config
from intermodal.storage import Sealer, SecretStore

__all__ = ["sealer", "secret_store"]


def secret_store(config: Config | None = None) -> tuple[SecretStore, str]:
    """The secrets that the settings name, and the environment that names belong to by default. Raises `ConfigError`."""
    config = config or Config.load()
    return SecretStore(config.data_dir / "secrets", _key_file(config)), config.environment


def sealer(config: Config) -> Sealer:
    """What seals other things with the key of the secrets."""
    return Sealer(_key_file(config))


def _key_file(config: Config) -> Path:
    return Path(config.get("secret_key_file") or config.data_dir / "secret.key")
