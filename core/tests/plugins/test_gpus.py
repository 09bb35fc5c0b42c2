"""Devices of one host, shared by its engines: found by kind, held by one at a time, named to the container."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from intermodal.exception import ConfigError
from intermodal.plugins import GpuDevice, GpuLease
from intermodal.plugins.gpus import LockedGpus, declared_gpus

HOST = ("A100-80GB:2", "T4")


def allocator(folder: Path, *entries: str) -> LockedGpus:
    """An engine's view of the declared devices."""
    return LockedGpus(declared_gpus(entries or HOST, "a test"), folder)


def acquire(gpus: LockedGpus, kind: str | None, count: int = 1) -> GpuLease | None:
    return asyncio.run(gpus.acquire(kind, count))


def release(gpus: LockedGpus, *leases: GpuLease | None) -> None:
    for lease in leases:
        assert lease is not None
        asyncio.run(gpus.release(lease))


def test_two_engines_never_hold_one_device(tmp_path: Path) -> None:
    """What one holds the other cannot get; all or nothing of a count; released, it is free."""
    one, two = allocator(tmp_path), allocator(tmp_path)
    first = acquire(one, "A100-80GB")
    assert acquire(two, "A100-80GB", 2) is None
    second = acquire(two, "A100-80GB")
    assert first is not None
    assert second is not None
    assert {first.devices[0].index, second.devices[0].index} == {0, 1}
    assert acquire(one, "A100-80GB") is None
    release(one, first)
    release(two, second)
    whole = acquire(one, "A100-80GB", 2)
    release(one, whole)


def test_a_general_name_and_any_are_served(tmp_path: Path) -> None:
    """ "A100" takes either size, "any" the kind declared first that is free."""
    gpus = allocator(tmp_path)
    leases = [acquire(gpus, "A100"), acquire(gpus, None), acquire(gpus, None)]
    assert [lease.devices[0].kind for lease in leases if lease] == ["A100-80GB", "A100-80GB", "T4"]
    assert acquire(gpus, "A100-40GB") is None
    assert acquire(gpus, "H100") is None
    release(gpus, *leases)


def test_the_environment_names_the_devices(tmp_path: Path) -> None:
    """By uuid where they have one, else by index; and what kind they are."""
    gpus = allocator(tmp_path)
    held = acquire(gpus, "A100-80GB")
    last = acquire(gpus, "T4")
    assert last is not None
    env = dict(last.env)
    assert (env["CUDA_VISIBLE_DEVICES"], env["NVIDIA_VISIBLE_DEVICES"]) == ("2", "2")
    assert (env["INTERMODAL_GPU"], env["INTERMODAL_GPU_COUNT"]) == ("T4", "1")
    release(gpus, held, last)
    found = LockedGpus([GpuDevice(kind="H100", index=n, uuid=f"GPU-{name}") for n, name in enumerate("ab")], tmp_path)
    both = acquire(found, "H100", 2)
    assert both is not None
    assert dict(both.env)["CUDA_VISIBLE_DEVICES"] == "GPU-a,GPU-b"
    release(found, both)


def test_a_device_is_free_when_its_holder_is_killed(tmp_path: Path) -> None:
    """The kernel lets go of it, whatever way the process ended."""
    gpus = allocator(tmp_path)
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        acquire(gpus, "T4")
        os.write(tell, b"1")
        signal.pause()
    os.close(tell)
    assert os.read(told, 1) == b"1"
    assert acquire(gpus, "T4") is None
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(told)
    release(gpus, acquire(gpus, "T4"))


@pytest.mark.parametrize("entry", ["", "any:2", "H100:x", "H100:-1", ":4"])
def test_a_wrong_declaration_is_named(entry: str) -> None:
    """With where it stands and what to write."""
    with pytest.raises(ConfigError, match=r"pyproject.toml declares the GPU .*write a kind and a count"):
        declared_gpus([entry], "pyproject.toml")


def test_it_knows_which_other_process_holds_a_device(tmp_path: Path) -> None:
    """By its command; not what this one holds."""
    gpus = allocator(tmp_path)
    mine = acquire(gpus, "T4")
    assert asyncio.run(gpus.holders()) == []
    ready, told = os.pipe()
    until, ended = os.pipe()
    child = os.fork()
    if not child:
        os.close(ended)
        acquire(allocator(tmp_path), "A100-80GB")
        os.write(told, b"x")
        os.read(until, 1)
        os._exit(0)
    os.close(until)
    os.read(ready, 1)
    try:
        (words,) = asyncio.run(gpus.holders())
        assert words.startswith(f"A100-80GB 0 by process {child} (")
        assert "python" in words
    finally:
        for fd in (ended, ready, told):
            os.close(fd)
        os.waitpid(child, 0)
    assert asyncio.run(gpus.holders()) == []
    release(gpus, mine)
