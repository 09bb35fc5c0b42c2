"""image.resources, and the limits of steps (image.steps)"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

import intermodal
from intermodal.exception import CapabilityNotSupported, ImageBuildError
from intermodal.plugins import GpuAllocator
from intermodal_conformance.apps.common import SMALL
from intermodal_conformance.marks import refusal, requirement
from intermodal_conformance.target import Target, opened

TOLD = "date +%s.%N > /srv/told && echo $INTERMODAL_GPU >> /srv/told && echo $CUDA_VISIBLE_DEVICES >> /srv/told"


def image(gpu: str) -> intermodal.Image:
    """One that nobody has built yet: a step with devices writes down when it ran and what it saw."""
    return fresh().run_commands(f"mkdir -p /srv && {TOLD}", gpu=gpu)


def reading(image: intermodal.Image) -> tuple[intermodal.App, intermodal.Function[[], str]]:
    """An app whose function tells what the step wrote down."""
    app = intermodal.App("conformance-step-gpus")
    return app, app.function(image=image, serialized=True, **SMALL)(read)


def read() -> str:
    """Runs in a container, by value."""
    with open("/srv/told") as file:
        return file.read()


def told(text: str) -> tuple[float, str, str]:
    """When the step ran, the kind of its devices and their names."""
    when, kind, names = text.splitlines()
    return float(when), kind, names


@contextlib.asynccontextmanager
async def all_held() -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Another program's hold on every device; what is yielded lets go of them."""
    with opened() as host:
        allocator = host.gpus()
        assert allocator is not None, "it states the capability 'image.gpu' and has no GpuAllocator"
        leases = []
        for device in await allocator.inventory():
            while (lease := await allocator.acquire(device.kind, 1)) is None:
                await asyncio.sleep(0.1)  # a container of another test is about to end
            leases.append(lease)

        async def let_go() -> None:
            while leases:
                await allocator.release(leases.pop())

        try:
            yield let_go
        finally:
            await let_go()


async def first_kind(allocator: GpuAllocator) -> tuple[str, int]:
    """A kind of device, and how many there are."""
    kinds = [device.kind for device in await allocator.inventory()]
    return kinds[0], kinds.count(kinds[0])


@requirement("image.resources")
def test_a_step_sees_exactly_the_devices_it_asked_for(target: Target) -> None:
    """By kind in any case, and by number, as a container does; the container of the image sees none."""
    with opened() as host:
        allocator = host.gpus()
        assert allocator is not None, "it states the capability 'image.gpu' and has no GpuAllocator"
        kind, count = asyncio.run(first_kind(allocator))
    app, function = reading(image(f"{kind.lower()}:{count}"))
    with app.run():
        _, seen, names = told(function.remote())
    assert seen == kind
    assert len(names.split(",")) == count


@requirement("image.resources")
def test_a_step_waits_for_devices_and_one_that_was_built_needs_none(target: Target) -> None:
    """It runs after another program has let go of them; the same image is there while all are held again."""

    async def story() -> None:
        waiting = image("any")
        app, function = reading(waiting)
        async with app.run():
            async with all_held() as let_go:
                call = await function.spawn.aio()
                with pytest.raises(TimeoutError):
                    await call.get.aio(timeout=1)
                before = time.time()
                await let_go()
            when, _, names = told(await call.get.aio(timeout=120))
        assert when >= before
        assert len(names.split(",")) == 1
        app, function = reading(waiting)
        async with all_held(), app.run():
            assert told(await function.remote.aio())[0] == when

    asyncio.run(story())


@refusal("image.resources", capability="image.gpu")
def test_steps_with_gpus_are_refused(target: Target) -> None:
    """By name."""
    app, function = reading(image("any"))
    with app.run(), pytest.raises(CapabilityNotSupported) as caught:
        function.remote()
    assert caught.value.capability in ("image.gpu", "gpu", "image.run_commands")


#: Takes so many MiB, and writes to all of it.
TAKE = "python3 -c 'import sys; len(b\"x\" * (int(sys.argv[1]) << 20))'"
#: How much of a core it gets, in a second of trying, as a file.
TRY = (
    "import time; began = time.monotonic()\n"
    "while time.monotonic() < began + 1: pass\n"
    "open('/root/share', 'w').write(str(time.process_time()))"
)


def fresh() -> intermodal.Image:
    """One that nobody has built yet."""
    return intermodal.Image.debian_slim().env({"NOBODY_HAS": secrets.token_hex(8)})


@requirement("image.steps", capability="image.memory")
def test_a_step_that_takes_more_memory_than_it_may_fails(target: Target) -> None:
    """The message has the limit; within it the same step is made."""
    image = fresh().run_commands(f"{TAKE} 32", memory=128)
    too_much = image.run_commands(f"{TAKE} 512", memory=128)
    app = intermodal.App("conformance-step-limits")
    within = app.function(image=image, serialized=True, **SMALL)(answer)
    beyond = app.function(image=too_much, serialized=True, **SMALL)(share)
    with app.run():
        assert within.remote() == 1
        with pytest.raises(ImageBuildError, match=r"(?s)step 3 .*128 MiB"):
            beyond.remote()


@requirement("image.steps", capability="image.cpu")
def test_a_step_gets_no_more_of_a_core_than_it_may(target: Target) -> None:
    """A quarter here, of a second of work."""
    app = intermodal.App("conformance-step-limits")
    image = fresh().run_commands(f'python3 -c "{TRY}"', cpu=(0.1, 0.25))
    function = app.function(image=image, serialized=True, **SMALL)(share)
    with app.run():
        assert function.remote() < 0.75


@pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param(name, options, id=name, marks=refusal("image.steps", capability=name))
        for name, options in (("image.memory", {"memory": 128}), ("image.cpu", {"cpu": 0.5}))
    ],
)
def test_a_limit_that_is_not_supported_is_refused(target: Target, name: str, options: dict[str, Any]) -> None:
    """By the capability's name."""
    app = intermodal.App("conformance-step-limits")
    function = app.function(image=fresh().run_commands("true", **options), serialized=True, **SMALL)(answer)
    with app.run(), pytest.raises(CapabilityNotSupported) as caught:
        function.remote()
    assert caught.value.capability in (name, "image.run_commands")


def answer() -> int:
    """Runs in a container, by value."""
    return 1


def share() -> float:
    """The same."""
    with open("/root/share") as file:
        return float(file.read())
