"""Dask distributed on one machine."""

from __future__ import annotations

import logging
import warnings
from typing import Any

from distributed import Client, LocalCluster

import work
from peers import WORKERS


class Dask:
    """A LocalCluster of one-thread workers. Functions are impure, so that nothing is answered from a cache."""

    parts = frozenset({"throughput", "latency", "echo-bytes", "echo-numpy"})

    def __init__(self) -> None:
        logging.getLogger("distributed").setLevel(logging.ERROR)
        warnings.filterwarnings("ignore", message="Sending large graph")
        self._cluster = LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None)
        self._client = Client(self._cluster)

    def call(self, value: Any) -> Any:
        return self._client.submit(work.noop, value, pure=False).result()

    def map(self, count: int) -> int:
        return sum(self._client.gather(self._client.map(work.noop, range(count), pure=False)))

    def echo(self, value: Any) -> Any:
        return self._client.submit(work.echo, value, pure=False).result()

    def close(self) -> None:
        self._client.close()
        self._cluster.close()
