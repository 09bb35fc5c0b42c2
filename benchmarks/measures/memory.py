"""How much the client's memory grows over a lazy map of a million inputs."""

from __future__ import annotations

from measures import About

ABOUT = {"memory": About("client memory growth, lazy map of 1,000,000", "MB", "lower")}


def peak() -> int:
    """This process's largest resident size so far, in bytes."""
    return _status("VmHWM")


def resident() -> int:
    """This process's resident size, in bytes."""
    return _status("VmRSS")


def _status(key: str) -> int:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key))


def measure(quick: bool) -> dict[str, float]:
    """Megabytes between a warm client and its peak."""
    import bench_app  # here, so that reading ABOUT starts nothing

    count = 50_000 if quick else 1_000_000
    with bench_app.app.run():
        assert sum(1 for _ in bench_app.noop.map(range(1_000))) == 1_000
        before = resident()
        total = sum(bench_app.noop.map(iter(range(count))))
        assert total == count * (count - 1) // 2
        return {"memory": max(peak() - before, 0) / 1e6}
