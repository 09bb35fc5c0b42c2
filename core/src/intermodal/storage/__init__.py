"""What is kept: content-addressed blobs and references, file trees on the host, queues and dicts."""

from __future__ import annotations

from intermodal.storage.blobs import BlobDirectory
from intermodal.storage.collecting import Collection, collect
from intermodal.storage.directory import DirectoryStorage
from intermodal.storage.local import LocalBlobs
from intermodal.storage.sealing import NotOpened, Sealer
from intermodal.storage.secrets import SecretInfo, SecretStore
from intermodal.storage.state import Reply, RequestError, StateService
from intermodal.storage.trees import TreeStore
from intermodal.storage.uses import Uses
from intermodal.storage.verifying import Verification, verify

__all__ = [
    "BlobDirectory",
    "Collection",
    "DirectoryStorage",
    "LocalBlobs",
    "NotOpened",
    "Reply",
    "RequestError",
    "Sealer",
    "SecretInfo",
    "SecretStore",
    "StateService",
    "TreeStore",
    "Uses",
    "Verification",
    "collect",
    "verify",
]
