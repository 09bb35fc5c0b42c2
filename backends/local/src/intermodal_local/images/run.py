"""Runs one step's program in a throw-away container over the layers so far, keeping what it writes as the new layer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from intermodal.exception import BackendError
from intermodal.plugins import GpuLease
from intermodal.plugins.building import KIT, StepFailed, StepRun
from intermodal_local.gpus import device_nodes
from intermodal_local.images.locks import KeyLock

__all__ = ["Lifeline", "run_plain", "run_step"]

_KEPT_LINES = 50


class Lifeline:
    """What a build's containers hang on: cut it, or end this process, and they are gone. Cut from any thread."""

    def __init__(self) -> None:
        self.end, self._hold = os.pipe()
        self._mutex = Lock()
        self.is_cut = False

    def check(self) -> None:
        """Raise `BackendError` when it was cut."""
        if self.is_cut:
            raise BackendError("the build was cancelled")

    def cut(self) -> None:
        """End the containers. Idempotent."""
        with self._mutex:
            if not self.is_cut:
                self.is_cut = True
                os.close(self._hold)

    def close(self) -> None:
        """Let go of everything, when no container is left."""
        self.cut()
        os.close(self.end)


def run_step(
    step: StepRun,
    lowers: Mapping[str, Sequence[str]],
    work: Path,
    upper: Path,
    lock: KeyLock,
    output: Callable[[str], None],
    lifeline: Lifeline,
    *,
    gpus: GpuLease | None,
    many_users: bool,
    beside: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Run `step`; what it changes is in `upper` afterwards, as root/ usr/ usr-local/.

    Args:
        lowers: the lower directories of each of these, top-most first.
        work: an empty directory on the same file system as `upper`.
        lock: held by the container too, until its last process is gone.
        output: gets each line the program prints.
        lifeline: ends the container when it is cut.
        gpus: its devices; the container holds them, too, until its last process is gone.
        beside: what `beside` gave: shown for the step only.
        many_users: an ordinary user's subordinate ids are users in the container, which may write all over /usr.

    Raises:
        StepFailed: the program failed.
        BackendError: the container could not be made, or was cancelled.
    """
    kit = work / "kit"
    _fill(kit, step)
    order = {
        "argv": step.argv,
        "env": dict(step.env),
        "workdir": step.workdir,
        "lowers": {name: list(paths) for name, paths in lowers.items()},
        "work": str(work),
        "upper": str(upper),
        "kit": str(kit),
        "mounts": [[str(source), target] for target, source in step.mounts.items()],
        "beside": list(beside),
        "user": step.user,
        "many_users": many_users,
        "devices": device_nodes(gpus),
        "cpu": step.resources.cpu,
        "memory": step.resources.memory,
    }
    _run(order, [lock.fd, *(gpus.fds if gpus else ())], output, lifeline)


def run_plain(step: StepRun, work: Path, lock: KeyLock, output: Callable[[str], None], lifeline: Lifeline) -> None:
    """Run `step` as a plain process of this host, bound to the lifeline in the same way. Raises as `run_step`."""
    order = {"argv": step.argv, "env": dict(step.env), "workdir": step.workdir, "work": str(work), "lowers": None}
    order |= {"cpu": None, "memory": None}
    _run(order, [lock.fd], output, lifeline)


def _run(order: Mapping[str, Any], held: Sequence[int], output: Callable[[str], None], lifeline: Lifeline) -> None:
    # In memory: it has values of secrets, and a file would stay where the host loses power.
    fd = os.memfd_create("order")
    try:
        os.write(fd, json.dumps(order).encode())
        answer, lines = _follow(fd, held, output, lifeline)
    finally:
        os.close(fd)
    if lifeline.is_cut:
        raise BackendError("the build was cancelled")
    if "error" in answer:
        raise BackendError(f"could not make the container of an image step: {answer['error']}")
    if answer["code"]:
        raise StepFailed(answer["code"] if answer["code"] > 0 else 128 - answer["code"], lines, order["memory"])


def _fill(kit: Path, step: StepRun) -> None:
    """Lay out what is shown at KIT: small files themselves, mount points for the rest."""
    kit.mkdir()
    for target, data in step.files.items():
        path = _below(kit, target)
        path.write_bytes(data)
    for target, source in step.mounts.items():
        path = _below(kit, target)
        if source.is_dir():
            path.mkdir(exist_ok=True)
        else:
            path.touch()
    for mount in step.extras:
        if mount.target.startswith(f"{KIT}/"):
            _below(kit, mount.target).mkdir(exist_ok=True)


def _below(kit: Path, target: str) -> Path:
    path = kit / os.path.relpath(target, KIT)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _follow(
    order: int, held: Sequence[int], output: Callable[[str], None], lifeline: Lifeline
) -> tuple[dict[str, Any], deque[str]]:
    """Start the box, pass its lines on, wait for its end. It ends with its standard input, so with this process too,
    and has the locks `held` as long as it lasts."""
    read, write = os.pipe()
    lines: deque[str] = deque(maxlen=_KEPT_LINES)
    try:
        process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "intermodal_local.images.box",
                f"/proc/self/fd/{order}",
                str(write),
                *map(str, held),
            ],
            stdin=lifeline.end,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(order, write, *held),
            start_new_session=True,  # Ctrl-C is for the client: it cuts the lifeline
        )
    finally:
        os.close(write)
    assert process.stdout is not None
    with open(read, encoding="utf-8") as status, process:
        for raw in process.stdout:
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            lines.append(line)
            output(line)
        text = status.read()
    if not text:
        return {"error": f"its process ended with {process.returncode}: {' '.join(lines) or 'no reason given'}"}, lines
    answer: dict[str, Any] = json.loads(text.splitlines()[0])
    return answer, lines
