"""The named secrets of this process's data directory."""

from __future__ import annotations

from intermodal.plugins import Config
from intermodal.storage import SecretStore

__all__ = ["secret_store"]


def secret_store(config: Config | None = None) -> tuple[SecretStore, str]:
    """The secrets that the settings name, and the environment that names belong to by default. Raises `ConfigError`."""
    config = config or Config.load()
    key_file = config.get("secret_key_file") or config.data_dir / "secret.key"
    return SecretStore(config.data_dir / "secrets", key_file), config.environment
