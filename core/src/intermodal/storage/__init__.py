"""What is kept: content-addressed blobs and references, file trees on the host, queues and dicts."""

from __future__ import annotations

from intermodal.storage.blobs import BlobDirectory
from intermodal.storage.directory import DirectoryStorage
from intermodal.storage.local import LocalBlobs
from intermodal.storage.state import Reply, RequestError, StateService
from intermodal.storage.trees import TreeStore
from intermodal.storage.uses import Uses

__all__ = [
    "BlobDirectory",
    "DirectoryStorage",
    "LocalBlobs",
    "Reply",
    "RequestError",
    "StateService",
    "TreeStore",
    "Uses",
]
