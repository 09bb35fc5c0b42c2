"""Measure and print; with `--write`, write docs/server-benchmarks.md. Needs wrk."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from figures import Numbers, in_process
from server import report, running, sockets, wrk

_ROOT = Path(__file__).parents[2]
_CONNECTIONS = 32
#: So long after its last request an app of `site_app.py` that is to be cold has no container.
_COLD_S = 4.0


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="server", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of requests and calls; medians are shown")
    parser.add_argument("--seconds", type=float, default=5.0, help="of requests in one round")
    parser.add_argument("--sockets", type=int, default=1000, help="WebSockets to open at once")
    parser.add_argument("--deploys", type=int, default=20, help="under load; every seventh is broken on purpose")
    parser.add_argument("--write", action="store_true", help="write docs/server-benchmarks.md")
    chosen = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("there is no wrk to measure with: apt install wrk")
    numbers: Numbers = {}
    with tempfile.TemporaryDirectory(prefix="bench-server-", dir="/var/tmp") as directory:
        os.environ["INTERMODAL_DATA_DIR"] = directory
        with running.uvicorn() as alone, running.server() as (url, pid):
            assert running.deploy(url), "the app could not be deployed"
            for _ in range(chosen.rounds):
                _requests(numbers, "uvicorn", f"{alone}/", chosen.seconds)
                _requests(numbers, "server", f"{url}/bench/", chosen.seconds)
                _cold(numbers, f"{url}/cold")
                os.environ["INTERMODAL_SERVER_URL"] = url
                numbers.setdefault("deployed", []).extend(in_process("server.calls", "deployed", "300")["deployed"])
                del os.environ["INTERMODAL_SERVER_URL"]
                numbers.setdefault("here", []).extend(in_process("server.calls", "here", "300")["here"])
            _sockets(numbers, url, pid, chosen.sockets)
            _deploys(numbers, url, chosen.deploys)
    print(report.tables(numbers, chosen.sockets))
    if chosen.write:
        (_ROOT / "docs" / "server-benchmarks.md").write_text(report.page(numbers, chosen.sockets, chosen.rounds))
    return 0


def _requests(numbers: Numbers, who: str, url: str, seconds: float) -> None:
    wrk.measured(url, _CONNECTIONS, 1.0)
    numbers.setdefault(f"{who} rate", []).append(wrk.measured(url, _CONNECTIONS, seconds).rate)
    numbers.setdefault(f"{who} p50", []).append(wrk.measured(url, 1, seconds / 2).p50_ms)


def _cold(numbers: Numbers, url: str) -> None:
    time.sleep(_COLD_S)
    began = time.perf_counter()
    with urllib.request.urlopen(url, timeout=60) as answer:
        assert answer.status == 200
    numbers.setdefault("cold", []).append((time.perf_counter() - began) * 1e3)


def _sockets(numbers: Numbers, url: str, pid: int, count: int) -> None:
    before = running.memory_mib(pid)
    address = f"{url.replace('http', 'ws', 1)}/bench/echo"
    good, after = asyncio.run(sockets.opened(address, count, lambda: running.memory_mib(pid)))
    numbers["sockets"] = [good]
    numbers["socket KiB"] = [max(0.0, after - before) * 1024 / count]


def _deploys(numbers: Numbers, url: str, count: int) -> None:
    """Half of capacity is what few connections ask for, since each waits for its answers."""
    numbers["failed"], numbers["deploys"] = [], [count]
    for number in range(count):
        load = wrk.background(f"{url}/bench/", 2, 600)
        broken = number % 7 == 3
        live = running.deploy(url, broken=broken)
        assert live != broken, "a broken version went live" if live else "a version that works did not go live"
        load.send_signal(2)
        numbers["failed"].append(wrk.read(load).failed)


if __name__ == "__main__":
    sys.exit(main())
