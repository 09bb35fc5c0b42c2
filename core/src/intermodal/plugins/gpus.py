"""A ready-made `GpuAllocator` for one host: a list of devices, each behind a lock that all engines of the host respect.

Public to authors of backends. The list may be declared ("H100:4") or come from the vendor's library.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from intermodal.exception import ConfigError
from intermodal.plugins.config import Config
from intermodal.plugins.nvidia import found_gpus, kind_of
from intermodal.plugins.roles import GpuDevice, GpuLease
from intermodal.specs import GpuChoice

__all__ = ["LockedGpus", "counts", "declared_gpus", "found_gpus", "host_allocator", "host_gpus", "kind_of", "lease_env"]

_LENGTH = 80  # characters of a command line that people are told


def declared_gpus(entries: Iterable[str], origin: str) -> tuple[GpuDevice, ...]:
    """The devices that configuration declares.

    Args:
        entries: "KIND" or "KIND:COUNT", such as "H100:4"; kinds are made upper-case.
        origin: where the entries come from, for errors.

    Raises:
        ConfigError: an entry is none of these.
    """
    devices: list[GpuDevice] = []
    for entry in entries:
        kind, _, count = entry.strip().partition(":")
        if not kind or kind.lower() == "any" or not (count or "1").isdigit():
            raise ConfigError(f'{origin} declares the GPU {entry!r}; write a kind and a count, such as "H100:4"')
        devices += [GpuDevice(kind=kind.upper(), index=len(devices) + number) for number in range(int(count or "1"))]
    return tuple(devices)


def counts(devices: Sequence[GpuDevice]) -> dict[str, int]:
    """How many devices of each kind."""
    kinds = [device.kind for device in devices]
    return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}


def host_gpus(config: Config, option: str) -> tuple[GpuDevice, ...]:
    """The devices of this machine that containers can get: those that `option`, a list, declares, else those that NVML
    finds. May block. Raises `ConfigError`.
    """
    declared = config.get(option)
    if declared:
        return declared_gpus(declared, config.origin(option))
    return found_gpus() if os.path.exists("/proc/driver/nvidia") else ()


def host_allocator(config: Config, option: str) -> LockedGpus:
    """The allocator of those devices, shared with all engines that use the same data directory."""
    return LockedGpus(host_gpus(config, option), config.data_dir / "locks" / "gpus")


def lease_env(devices: Sequence[GpuDevice]) -> tuple[tuple[str, str], ...]:
    """The environment that makes exactly `devices` visible to CUDA and ROCm; empty for no devices."""
    if not devices:
        return ()
    names = ",".join(device.uuid or str(device.index) for device in devices)
    return (
        ("CUDA_VISIBLE_DEVICES", names),
        ("NVIDIA_VISIBLE_DEVICES", names),
        ("ROCR_VISIBLE_DEVICES", names),
        ("HIP_VISIBLE_DEVICES", ",".join(str(number) for number in range(len(devices)))),
        ("INTERMODAL_GPU", devices[0].kind),
        ("INTERMODAL_GPU_COUNT", str(len(devices))),
    )


class LockedGpus:
    """Hands out `devices`; a device is held by whoever holds an open description of its lock file, so the
    kernel frees it.

    Args:
        devices: the inventory.
        folder: where the lock files are; the same for all engines of the host that share the devices.
    """

    def __init__(self, devices: Sequence[GpuDevice], folder: Path) -> None:
        self._devices = tuple(devices)
        self._folder = folder
        self._names = dict(zip(self._devices, _names(self._devices), strict=True))
        self._held: dict[tuple[int, ...], GpuLease] = {}

    async def inventory(self) -> Sequence[GpuDevice]:
        """All devices, free or not."""
        return self._devices

    async def acquire(self, kind: str | None, count: int) -> GpuLease | None:
        """See `intermodal.plugins.GpuAllocator`. Of several kinds, the one declared first is taken."""
        kinds = GpuChoice(kind, count).kinds(dict.fromkeys(device.kind for device in self._devices))
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._alone():
            for name in kinds:
                lease = self._take([device for device in self._devices if device.kind == name], count)
                if lease is not None:
                    return lease
        return None

    async def release(self, lease: GpuLease) -> None:
        """See `intermodal.plugins.GpuAllocator`."""
        if self._held.get(lease.fds) is lease:
            del self._held[lease.fds]
            _close(lease.fds)

    async def holders(self) -> Sequence[str]:
        """See `intermodal.plugins.TellingGpus`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        found = []
        with self._alone():
            for device, name in self._names.items():
                fd = self._lock(name)
                if fd is not None:
                    os.close(fd)
                elif (holder := _holder(self._folder / name)) is not None:
                    found.append(f"{device.kind} {device.index} by {holder}")
        return found

    def _take(self, candidates: Sequence[GpuDevice], count: int) -> GpuLease | None:
        taken: dict[GpuDevice, int] = {}
        for device in candidates:
            if len(taken) == count:
                break
            fd = self._lock(self._names[device])
            if fd is not None:
                taken[device] = fd
                os.ftruncate(fd, 0)
                os.pwrite(fd, str(os.getpid()).encode(), 0)
        if len(taken) < count:
            _close(taken.values())
            return None
        devices = tuple(taken)
        lease = GpuLease(devices=devices, env=lease_env(devices), fds=tuple(taken.values()))
        self._held[lease.fds] = lease
        return lease

    def _lock(self, name: str) -> int | None:
        fd = os.open(self._folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        return fd

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Two engines that each hold half of what both want would make both fail."""
        with open(self._folder / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _names(devices: Sequence[GpuDevice]) -> list[str]:
    """A lock file's name for each device: engines with different declarations still agree on the n-th of a kind."""
    seen: Counter[str] = Counter()
    names = []
    for device in devices:
        names.append(device.uuid or f"{device.kind}-{seen[device.kind]}")
        seen[device.kind] += 1
    return names


def _holder(lock: Path) -> str | None:
    """Which process took a lock that is held; None where it is this one."""
    text = lock.read_text()
    pid = int(text) if text.isdigit() else 0
    if pid == os.getpid():
        return None
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return "a container whose program has ended"
    return f"process {pid} ({b' '.join(words).decode(errors='replace')[:_LENGTH]})"


def _close(fds: Iterable[int]) -> None:
    for fd in fds:
        os.close(fd)
