"""The built-in plugin that keeps blobs and references in the data directory where no other plugin claims storage."""

from __future__ import annotations

from intermodal.plugins import Config, Storage, hookimpl
from intermodal.storage.directory import DirectoryStorage

__all__ = ["intermodal_storage"]


@hookimpl(trylast=True)
def intermodal_storage(config: Config) -> Storage:
    """Storage in `config.data_dir`."""
    return DirectoryStorage(config.data_dir)
