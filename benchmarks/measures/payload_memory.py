"""How much memory a 1 GiB argument costs the client beyond the argument itself."""

from __future__ import annotations

from measures import About, memory

ABOUT = {"payload-memory": About("client memory beyond a 1 GiB argument", "GiB", "lower")}


def measure(quick: bool) -> dict[str, float]:
    """GiB between holding the argument and the peak while it is sent; shared memory counts."""
    import bench_app  # here, so that reading ABOUT starts nothing

    size = (64 << 20) if quick else (1 << 30)
    with bench_app.app.run():
        assert bench_app.length.remote(b"warm") == 4
        value = b"\x01" * size
        before = memory.resident()
        assert bench_app.length.remote(value) == size
        return {"payload-memory": max(memory.peak() - before, 0) / (1 << 30)}
