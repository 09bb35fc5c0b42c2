"""The files of containers as layers among those of images, so that they outlast their session."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from intermodal.plugins import BuiltImage
from intermodal_local.images.live_copy import copy_tree
from intermodal_local.images.store import LayerStore, Lease
from intermodal_local.images.trees import remove_tree
from intermodal_local.rootfs import Rootfs
from intermodal_local.runtime.overlay import PARTS

__all__ = ["Keeping", "find_snapshot", "layers_of"]

_META = "snapshot.json"
_ID = re.compile(r"[0-9a-f]+-[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where one container's files are: the session's directory `run`, and its name there; and where layers are."""

    run: str
    container: str
    layers: Path

    def keep(self, image: BuiltImage) -> str:
        """Copy what the container has changed of `image`, while it runs; the layer's id. Blocks. Raises
        `BackendError`."""
        store, key = LayerStore(self.layers), secrets.token_hex(32)
        lock = store.lock(key)
        assert lock is not None  # nobody else has this key
        content = store.workspace(key)
        try:
            above = f"{self.run}/c/{self.container}"
            for _, part, _ in PARTS:
                if os.path.isdir(f"{above}/{part}"):
                    copy_tree(f"{above}/{part}", f"{content}/{part}")
            rootfs = Rootfs.from_json(image.ref)
            (content / _META).write_text(json.dumps(_described(image, rootfs)))
            below = Path(rootfs.layers[0]).name if rootfs.layers else ""
            lease = store.publish(key, below, f"snapshot of {self.container}", content)
            lease.release()
            return lease.layer.id
        except BaseException:
            remove_tree(content)
            raise
        finally:
            lock.release()


def find_snapshot(store: LayerStore, id: str) -> tuple[BuiltImage, Sequence[Lease]] | None:
    """What `Keeping.keep` kept, and the leases on its layers. Blocks."""
    leases = store.stack(id) if _ID.fullmatch(id) else []
    if not leases:
        return None
    try:
        known = json.loads((leases[0].path / _META).read_text())
    except FileNotFoundError:  # a layer of an image
        for lease in leases:
            lease.release()
        return None
    rootfs = replace(Rootfs.from_json(known["ref"]), layers=tuple(str(lease.path) for lease in leases))
    env = tuple((name, value) for name, value in known["env"])
    built = BuiltImage(id=id, ref=rootfs.to_json(), python=known["python"], env=env, workdir=known["workdir"])
    return built, leases


def layers_of(data_dir: Path) -> Path:
    """Where the layers of images are."""
    return data_dir / "local" / "layers"


def _described(image: BuiltImage, rootfs: Rootfs) -> dict[str, object]:
    ref = replace(rootfs, layers=()).to_json()
    return {"ref": ref, "python": image.python, "env": image.env, "workdir": image.workdir}
