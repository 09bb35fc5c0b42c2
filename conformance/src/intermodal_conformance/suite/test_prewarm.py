"""launcher.prewarm: containers that stand ready, of launchers that have any. The others have nothing to get wrong."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from intermodal.plugins import Prewarmer
from intermodal.specs import Resources
from intermodal_conformance import traces
from intermodal_conformance.marks import requirement
from intermodal_conformance.roles import Roles, scenario
from intermodal_conformance.target import Target

#: Seconds until a spare that was killed is known to be over.
PATIENCE_S = 60.0

#: What a program sees of its container. Only the host's name may be that of the one that stood ready.
LOOK = """
import resource, socket, sys

def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None

def names(path):
    return sorted(os.listdir(path))

def mounts():
    return sorted((line.split()[1], line.split()[2], line.split()[3].split(",")[0]) for line in open("/proc/mounts"))

os.umask(mask := os.umask(0))
limits = "memory/memory.limit_in_bytes memory.max cpu/cpu.cfs_quota_us cpu/cpu.shares cpu.max pids/pids.max".split()
r = {
    "env": {name: value for name, value in os.environ.items() if name != "HOSTNAME"},
    "place": (os.getcwd(), mask, os.getuid(), os.getgid(), os.getgroups()),
    "rlimits": [resource.getrlimit(number) for number in range(resource.RLIM_NLIMITS)],
    "limits": [read("/sys/fs/cgroup/" + name) for name in limits],
    "mounts": mounts(),
    "files": {path: names(path) for path in ("/", "/tmp", "/root", "/opt", "/run")},
    "interfaces": [name for _, name in socket.if_nameindex()],
    "processes": [read(f"/proc/{name}/cmdline").split(chr(0))[:2] for name in names("/proc") if name.isdigit()],
    "python": (sys.path, sys.argv, sys.flags),
}
"""


def asked(target: Target) -> list[dict[str, Any]]:
    """What containers may be asked for, that makes them differ."""
    found: list[dict[str, Any]] = [
        {"env": (("SPARE", "one"), ("TOKEN", "t0p"))},
        {"env": (("SPARE", "two"),)},
        {"env": (("SPARE", "one"), ("TOKEN", "t0p")), "workdir": "/usr"},
        {"env": (("SPARE", "one"), ("TOKEN", "t0p")), "app": "another"},
        {"env": (("SPARE", "one"), ("TOKEN", "t0p")), "function": "another"},
    ]
    if "limits.memory" in target.supported:
        found.append({"env": (), "resources": Resources(memory=64, memory_limit=192)})
    if "network.block" in target.supported:
        found.append({"env": (), "network": "none"})
    return found


@requirement("launcher.prewarm")
def test_one_that_stood_ready_is_like_one_that_was_started(target: Target) -> None:
    """Whatever it is asked for; and it is taken once."""

    async def story(roles: Roles) -> None:
        for fields in asked(target):
            fresh = await roles.start(**fields)
            expected = await roles.ask(fresh, LOOK)
            if prewarms(roles):
                spare = await roles.prewarm(**fields)
                ready = not spare.over
                first, second = [await roles.start(**fields) for _ in range(2)]
                assert (ready, spare.over) == (True, True)
                await spare.dismiss()  # which is too late
                for container in (first, second):
                    assert await roles.ask(container, LOOK) == expected
                    await container.kill()
                    await container.wait()
            await fresh.kill()
            await fresh.wait()

    scenario(story)


@requirement("launcher.prewarm")
def test_one_that_differs_is_not_taken(target: Target) -> None:
    """In its environment, its directory, its limits, its network, or whose it is."""

    async def story(roles: Roles) -> None:
        if not prewarms(roles):
            await roles.start()
            return
        first, *others = asked(target)
        spare = await roles.prewarm(**first)
        for fields in others:
            container = await roles.start(**fields)
            seen = await roles.ask(container, "r = dict(os.environ), os.getcwd()")
            env, cwd = eval(seen)
            assert cwd == fields.get("workdir", cwd)
            assert {name: env.get(name) for name in ("SPARE", "TOKEN")} == {
                **dict.fromkeys(("SPARE", "TOKEN")),
                **dict(fields["env"]),
            }
            assert not spare.over
            await container.kill()
            await container.wait()
        await spare.dismiss()

    scenario(story)


@requirement("launcher.prewarm")
def test_one_that_is_dead_is_passed_over(target: Target) -> None:
    """Where its processes are seen on this machine: they are killed."""
    mark = traces.new_mark()

    async def story(roles: Roles) -> None:
        if not prewarms(roles):
            await roles.start()
            return
        fields: dict[str, Any] = {"env": (("MARK", mark),)}
        spare = await roles.prewarm(**fields)
        killed = having(f"MARK={mark}")
        for pid in killed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(PATIENCE_S):
            while killed and not spare.over:
                await asyncio.sleep(0.01)
        container = await roles.start(**fields)
        assert await roles.ask(container, "r = os.environ['MARK']") == repr(mark)
        await spare.dismiss()

    scenario(story)


@requirement("launcher.prewarm")
@pytest.mark.parametrize("ending", ["dismiss", "cancel", "close"])
def test_none_is_left_behind(target: Target, ending: str) -> None:
    """When it is dismissed, when it is not waited for, and when the session ends."""
    mark = traces.new_mark()
    fields: dict[str, Any] = {"env": (("MARK", mark),)}
    before: set[int] = set()

    async def story(roles: Roles) -> None:
        container = await roles.start()
        before.update(traces.descendants())
        if not prewarms(roles):
            return
        if ending == "cancel":
            for delay in (0.0, 0.005, 0.05):
                prewarming = asyncio.create_task(roles.prewarm(**fields))
                await asyncio.sleep(delay)
                prewarming.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await (await prewarming).dismiss()
        else:
            spare = await roles.prewarm(**fields)
            if ending == "dismiss":
                await spare.dismiss()
                await spare.dismiss()
                assert spare.over
        if ending != "close":
            assert await asyncio.to_thread(traces.settle, before, 10.0) == {}
            assert having(f"MARK={mark}") == []
        assert await roles.ask(container, "r = 1") == "1"

    scenario(story)
    assert traces.settle(before, 10.0) == {}
    assert having(f"MARK={mark}") == []


def prewarms(roles: Roles) -> bool:
    """Whether there is anything to get wrong."""
    return isinstance(roles.launcher, Prewarmer)


def having(variable: str) -> list[int]:
    """The processes of this machine, as far as they may be seen, that have it in the environment they started with."""
    found = []
    for place in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if variable.encode() in place.read_bytes().split(b"\0"):
                found.append(int(place.parent.name))
    return found
