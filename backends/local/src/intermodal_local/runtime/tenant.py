"""A container as its supervisor sees it."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass, field
from typing import Any

from intermodal_local.runtime import hunting, sampling
from intermodal_local.runtime.cgroups import Group

_MIB = 1 << 20


@dataclass
class Tenant:
    """One container from its admission until its exit was reported."""

    id: str
    run: str
    cpu: float
    memory_limit: int | None  #: bytes
    process_limit: int
    plain: bool = False  #: a process tree without a pid namespace
    filtered: bool = True  #: system calls are
    cores: list[int] = field(default_factory=list)  #: to run on alone; any where there are none
    group: Group | None = None
    leases: list[int] = field(default_factory=list)
    pidfd: int = -1
    status: int = -1
    words: bytes = b""
    killed: bool = False
    lost: bool = False
    execs: list[tuple[dict[str, Any], list[int]]] = field(default_factory=list)  #: waiting for it to be up
    asked_into: list[str] = field(default_factory=list)  #: questions for its descriptor, which wait for the same
    over: str = ""  #: which limit the sampler saw exceeded
    peak: int = 0

    def kill(self) -> None:
        """End every process in it: its process 1 takes all others along; without one, the tree is walked."""
        if self.plain:
            root = sampling.process_of(self.pidfd) if self.pidfd >= 0 else None
            if root is not None:
                hunting.kill_trees(root)
        elif self.pidfd >= 0:
            try:
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            except ProcessLookupError:
                pass

    @property
    def up(self) -> bool:
        """Whether it is cut off from the host, so that a process may join it."""
        return "up" in self._told()

    def close(self) -> None:
        """Let go of every descriptor: GPU leases become free here."""
        for fd in (self.pidfd, self.status, *self.leases, *(fd for _, fds in self.execs for fd in fds)):
            if fd >= 0:
                os.close(fd)
        self.execs = []
        self.pidfd = self.status = -1
        self.leases = []

    def exit(self) -> dict[str, Any]:
        """How it ended, as the fields of the role protocol's `ContainerExit`."""
        told = self._told()
        if "error" in told:
            return {"cause": "start_failed", "code": None, "detail": told["error"]}
        code = told.get("code")
        if code is None or code < 0:
            code = 128 - (code if code is not None else -signal.SIGKILL)
        if code == 128 + signal.SIGKILL and (self.over == "memory" or (self.group and self.group.out_of_memory())):
            return {"cause": "out_of_memory", "code": code, "detail": self._memory_words()}
        if self.over:
            return {"cause": "killed", "code": code, "detail": f"more than its limit of {self.process_limit} processes"}
        if told.get("code", -1) >= 0:
            return {"cause": "exited", "code": code, "detail": ""}
        if self.lost and not self.killed:
            return {"cause": "lost", "code": None, "detail": "its zygote ended, and the container with it"}
        return {"cause": "killed", "code": code, "detail": f"signal {code - 128}"}

    def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = {}
        for line in self.words.splitlines():
            told.update(json.loads(line))
        return told

    def _memory_words(self) -> str:
        peak = (self.group.peak() if self.group else None) or self.peak
        limit = f"{self.memory_limit // _MIB} MiB" if self.memory_limit else "the machine's memory"
        return f"memory limit {limit}, peak {peak // _MIB} MiB"
