"""Local files go by their names: what was shipped once is shipped again, whatever is in them now."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from intermodal.specs import FileTree
from intermodal.storage import BlobDirectory, TreeStore
from mutants.planting import instead_of

_SHIPPED: dict[tuple[str, ...], Path] = {}


@instead_of("materialise", TreeStore)
def materialise(original: Callable[..., Path], store: TreeStore, tree: FileTree, blobs: BlobDirectory) -> Path:
    found = original(store, tree, blobs)
    names = tuple(entry.path for entry in tree.entries)
    if names not in _SHIPPED:
        kept = Path(tempfile.mkdtemp(dir=found.parent.parent)) / "tree"
        kept.parent.chmod(0o755)
        _SHIPPED[names] = shutil.copytree(found, kept, symlinks=True)
    return _SHIPPED[names]
