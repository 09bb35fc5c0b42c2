"""gpu.*"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Sequence

import pytest

import intermodal
from intermodal.exception import CapabilityNotSupported, InvalidError, ResourceExhaustedError
from intermodal.plugins import GpuDevice
from intermodal_conformance.apps import gpus
from intermodal_conformance.marks import refusal, requirement
from intermodal_conformance.target import Target, opened


def inventory() -> Sequence[GpuDevice]:
    """The devices that the backend says it has."""
    with opened() as host:
        allocator = host.gpus()
        assert allocator is not None, "it states the capability 'gpu' and has no GpuAllocator"
        devices = asyncio.run(allocator.inventory())
        assert len(devices) > 1, "two devices at least are needed: declare some for the run, in the harness or by hand"
        return devices


@requirement("gpu.request")
def test_a_container_sees_exactly_the_devices_it_asked_for(target: Target) -> None:
    """By kind in any case, by number, or any one; none where it asked for none."""
    devices = inventory()
    kind = devices[0].kind
    count = sum(device.kind == kind for device in devices)
    seen, _, _ = gpus.devices.with_options(gpu=f"{kind.lower()}:{count}").remote()
    assert seen["INTERMODAL_GPU"] == kind
    assert len((seen["CUDA_VISIBLE_DEVICES"] or "").split(",")) == count
    assert seen["INTERMODAL_GPU_COUNT"] == str(count)
    one, _, _ = gpus.devices.remote()
    assert len((one["CUDA_VISIBLE_DEVICES"] or "").split(",")) == 1
    assert not gpus.no_devices.remote()


@requirement("gpu.request")
def test_two_living_containers_never_share_a_device(target: Target) -> None:
    """As many as there are devices, all there at the same time, have one each."""
    number = len(inventory())
    with intermodal.Dict.ephemeral() as here:
        seen = list(gpus.together.map([here] * number, range(number), [number] * number))
    assert None not in seen
    assert len(set(seen)) == number


@requirement("gpu.request")
def test_a_list_moves_on_and_the_call_sees_what_it_got(target: Target) -> None:
    """A kind that the backend has not is passed over."""
    devices = inventory()
    absent = next(kind for kind in ("B300", "P100", "A16") if kind not in {device.kind for device in devices})
    seen, _, _ = gpus.devices.with_options(gpu=[absent, devices[0].kind]).remote()
    assert seen["INTERMODAL_GPU"] == devices[0].kind
    with pytest.raises(ResourceExhaustedError, match=absent):
        gpus.devices.with_options(gpu=absent).remote()


@requirement("gpu.request")
def test_an_unknown_name_is_an_error_with_the_known_ones(target: Target) -> None:
    """At definition."""
    with pytest.raises(InvalidError, match="H100"):
        intermodal.App("refused").function(gpu="H101")
    with pytest.raises(InvalidError):
        intermodal.App("refused").function(gpu="T4:0")


@refusal("gpu.request", capability="gpu")
def test_gpus_are_refused(target: Target) -> None:
    """By name."""
    with pytest.raises((CapabilityNotSupported, ResourceExhaustedError), match=r"(?i)gpu"):
        gpus.devices.remote()


HOLD = """
import asyncio, json, sys, time
from intermodal.plugins import Config, load, set_command_line

async def hold():
    allocator = load(Config.load()).gpus()
    devices = await allocator.inventory()
    leases = [await allocator.acquire(device.kind, 1) for device in devices]
    print(sum(lease is not None for lease in leases), flush=True)
    time.sleep(600)

set_command_line(json.loads(sys.argv[1]))
asyncio.run(hold())
"""


async def free() -> int:
    """How many devices can be had now."""
    with opened() as host:
        allocator = host.gpus()
        assert allocator is not None
        leases = [await allocator.acquire(device.kind, 1) for device in await allocator.inventory()]
        for lease in leases:
            if lease is not None:
                await allocator.release(lease)
        return sum(lease is not None for lease in leases)


def all_free() -> None:
    """Wait until the containers of other tests have given their devices back."""
    number, deadline = len(inventory()), time.monotonic() + 60
    while asyncio.run(free()) < number:
        assert time.monotonic() < deadline, "devices are held though no container needs them"
        time.sleep(0.1)


@requirement("gpu.exclusive")
def test_a_device_is_leased_once(target: Target) -> None:
    """To one of several hosts of this process; released, it is free again; a count is had whole or not at all."""

    async def story() -> None:
        with opened() as one, opened() as two:
            mine, other = one.gpus(), two.gpus()
            assert mine is not None
            assert other is not None
            devices = await mine.inventory()
            kind = devices[0].kind
            count = sum(device.kind == kind for device in devices)
            lease = await mine.acquire(kind, count)
            assert lease is not None
            assert len(set(lease.devices)) == count
            assert await other.acquire(kind, 1) is None
            await mine.release(lease)
            await mine.release(lease)
            part = await other.acquire(kind, 1)
            assert part is not None
            assert await mine.acquire(kind, count) is None
            rest = [await mine.acquire(kind, 1) for _ in range(count)]
            assert sum(each is not None for each in rest) == count - 1
            held = [device for each in (part, *rest) if each is not None for device in each.devices]
            assert len(set(held)) == count
            await other.release(part)
            for each in rest:
                if each is not None:
                    await mine.release(each)

    all_free()
    asyncio.run(story())


@requirement("gpu.exclusive")
def test_another_process_holds_its_devices_until_it_ends(target: Target) -> None:
    """Killed, too."""
    number = len(inventory())
    all_free()
    with subprocess.Popen([sys.executable, "-c", HOLD, target.choice], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert int(process.stdout.readline()) == number
            assert asyncio.run(free()) == 0
        finally:
            process.kill()
    assert asyncio.run(free()) == number


@refusal("gpu.exclusive", capability="gpu")
def test_there_is_nothing_to_lease(target: Target) -> None:
    """No allocator, or one without devices."""

    async def story() -> None:
        with opened() as host:
            allocator = host.gpus()
            assert allocator is None or not await allocator.inventory()
            await host.launcher().totals()
            await host.close_roles()
            target.witness.asked("inventory")

    asyncio.run(story())
