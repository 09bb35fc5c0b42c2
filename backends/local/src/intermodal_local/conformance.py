"""How the conformance suite runs this backend. Imported by the suite only, which need not be installed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from intermodal_conformance.harness import DefaultHarness

__all__ = ["LocalHarness"]

#: Devices to pretend where nobody says which there are: allotting them is what is tested, not computing.
DEVICES = "H100:2,T4:2"


class LocalHarness(DefaultHarness):
    """The default one, with accelerators, and with what the supervisor keeps on disk."""

    @contextlib.contextmanager
    def running(self, data_dir: Path) -> Iterator[None]:
        """See `intermodal_conformance.harness`."""
        if not os.path.exists("/proc/driver/nvidia"):
            os.environ.setdefault("INTERMODAL_LOCAL_GPUS", DEVICES)
        with super().running(data_dir):
            yield

    def leftovers(self, data_dir: Path) -> Sequence[str]:
        """See `intermodal_conformance.harness`."""
        runs = [f"directory {path}" for path in sorted((data_dir / "local" / "runs").glob("[!.]*"))]
        return [*super().leftovers(data_dir), *runs]
