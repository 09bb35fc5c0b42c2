"""The containers that are measured: volumes of three sizes, of which little changes."""

from __future__ import annotations

import os
import time

import intermodal

SIZES = (1_000, 10_000, 100_000)
app = intermodal.App("bench-volumes")
#: By the number of their files; "huge" has 10 GiB in 10,000.
VOLUMES = {
    size: intermodal.Volume.from_name(f"bench-{size}", create_if_missing=True) for size in (*map(str, SIZES), "huge")
}


_MOUNTED = {f"/volumes/{size}": volume for size, volume in VOLUMES.items()}


@app.cls(volumes=_MOUNTED)
class Writer:
    """A container with all of them."""

    @intermodal.method()
    def commit(self, size: str) -> float:
        """Change one file; seconds of its commit."""
        with open(f"/volumes/{size}/changed", "w") as file:
            file.write(str(time.time_ns()))
        began = time.perf_counter()
        VOLUMES[size].commit()
        return time.perf_counter() - began


@app.cls(volumes=_MOUNTED)
class Reader:
    """Another one."""

    @intermodal.method()
    def reload(self, size: str) -> tuple[float, str]:
        """Seconds of a reload, and what it shows of that file."""
        began = time.perf_counter()
        VOLUMES[size].reload()
        took = time.perf_counter() - began
        with open(f"/volumes/{size}/changed") as file:
            return took, file.read()


def _started() -> tuple[float, int]:
    """When the only input of its container runs, on the clock that all processes share, and what it sees."""
    return time.monotonic(), len(os.listdir("/volume")) if os.path.isdir("/volume") else 0


@app.function(single_use_containers=True)
def without() -> tuple[float, int]:
    return _started()


@app.function(single_use_containers=True, volumes={"/volume": VOLUMES["1000"]})
def with_1000() -> tuple[float, int]:
    return _started()


@app.function(single_use_containers=True, volumes={"/volume": VOLUMES["10000"]})
def with_10000() -> tuple[float, int]:
    return _started()


@app.function(single_use_containers=True, volumes={"/volume": VOLUMES["100000"]})
def with_100000() -> tuple[float, int]:
    return _started()


@app.function(single_use_containers=True, volumes={"/volume": VOLUMES["huge"]})
def with_huge() -> tuple[float, int]:
    return _started()


STARTS = {"1000": with_1000, "10000": with_10000, "100000": with_100000, "huge": with_huge}
