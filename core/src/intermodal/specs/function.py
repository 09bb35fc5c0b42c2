"""A function or class as the control plane sees it: where its code is, what it needs, how it behaves."""

from __future__ import annotations

from dataclasses import dataclass

from intermodal.specs.files import FileTree
from intermodal.specs.web import WebSpec

__all__ = ["BatchPolicy", "CodeTarget", "MethodSpec", "RetryPolicy", "Scaling", "SourceTree"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeTarget:
    """How the guest finds the code: by module and qualified name, or a cloudpickle blob (SHA-256) for code without
    source.

    `python` is the client's "3.11"; it is checked when `pickled` is used. `main` says that the module was run as
    `__main__`.
    """

    module: str
    qualname: str
    pickled: str | None = None
    python: str | None = None
    main: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTree:
    """The user's own source, mounted read-only entry by entry under `/root`, which is on `sys.path`."""

    tree: FileTree = FileTree()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """retry.policy: delays in seconds."""

    max_retries: int
    backoff_coefficient: float = 1.0
    initial_delay: float = 1.0
    max_delay: float = 60.0

    def delay(self, retry: int) -> float:
        """Seconds to wait before retry number `retry`, counted from 1."""
        return float(min(self.initial_delay * self.backoff_coefficient ** (retry - 1), self.max_delay))


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPolicy:
    """batch.form: a batch closes at `max_size` inputs or when its oldest has waited `wait_s` seconds."""

    max_size: int
    wait_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """scale.limits: containers; `window_s` is how long an idle container stays."""

    min_containers: int = 0
    max_containers: int | None = None
    buffer_containers: int = 0
    window_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSpec:
    """One callable of a function or class. A plain function has one, named "". A `web` one is a stream whose input and
    items are events of ASGI."""

    name: str = ""
    is_generator: bool = False
    is_async: bool = False
    batching: BatchPolicy | None = None
    retries: RetryPolicy | None = None
    web: WebSpec | None = None
