"""gpu.*"""

from __future__ import annotations

import asyncio
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
    """Whoever overlaps in time has other devices."""
    number = len(inventory())
    spans = list(gpus.devices.map([0.3] * (2 * number)))
    for i, (mine, began, ended) in enumerate(spans):
        for other, start, end in spans[:i]:
            if start < ended and began < end:
                assert mine["CUDA_VISIBLE_DEVICES"] != other["CUDA_VISIBLE_DEVICES"]


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
