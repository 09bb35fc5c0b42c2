"""Volumes as they are kept: versions as stacks of deltas, names, and what a commit means (volume.*)."""

from __future__ import annotations

from intermodal.storage.volumes.catalog import Catalog, VolumeInfo
from intermodal.storage.volumes.entries import Changes, Delta, Directory, Entry, File, Link
from intermodal.storage.volumes.publishing import Known
from intermodal.storage.volumes.service import VolumeService
from intermodal.storage.volumes.stack import Stack
from intermodal.storage.volumes.versions import Commit, Version, Versions

__all__ = [
    "Catalog",
    "Changes",
    "Commit",
    "Delta",
    "Directory",
    "Entry",
    "File",
    "Known",
    "Link",
    "Stack",
    "Version",
    "Versions",
    "VolumeInfo",
    "VolumeService",
]
