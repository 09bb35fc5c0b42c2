"""builder.*: the contract of the role."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from intermodal.exception import CapabilityNotSupported, ImageBuildError
from intermodal.specs import RunCommands, SetEnv
from intermodal_conformance.marks import refusal, requirement
from intermodal_conformance.roles import Roles, Sink, image_of, roles
from intermodal_conformance.target import Target


def command(*lines: str) -> RunCommands:
    """A step that this run has never made before, unless the lines are the same."""
    return RunCommands(commands=lines)


async def read(found: Roles, image: object, path: str) -> str:
    """A file of an image, seen in a container of it."""
    container = await found.start(image)  # type: ignore[arg-type]
    answer = await found.ask(container, f"r = open({path!r}).read()")
    await container.kill()
    await container.wait()
    return answer


@requirement("builder.cache")
def test_a_step_is_built_once_and_a_change_builds_the_later_ones_only(target: Target) -> None:
    """Found again by another host, too; the image's name follows its definition."""
    mark = uuid.uuid4().hex
    one, two = command(f"echo {mark} > /srv/one"), command("cat /proc/sys/kernel/random/uuid > /srv/two")

    async def story() -> None:
        async with roles() as found:
            sink = Sink()
            first = await found.build(image_of(one, two), sink)
            assert sink.last(2) == [False, False]
            random = await read(found, first, "/srv/two")
        async with roles() as found:
            sink = Sink()
            again = await found.build(image_of(one, two), sink)
            assert sink.last(2) == [True, True]
            assert again.id == first.id
            assert await read(found, again, "/srv/two") == random
            sink = Sink()
            longer = await found.build(image_of(one, SetEnv(variables=(("A", "1"),)), two), sink)
            assert longer.id != first.id
            assert [cached for number, cached in sink.steps if number == 1] == [True]
            assert not sink.cached[-1]
            assert await read(found, longer, "/srv/two") != random

    asyncio.run(story())


@requirement("builder.cache")
def test_steps_of_one_kind_are_told_apart_by_what_they_do(target: Target) -> None:
    """The same number of steps with the same names are two images where one word differs."""
    mark = uuid.uuid4().hex

    async def story() -> None:
        async with roles() as found:
            for word in ("one", "other"):
                built = await found.build(image_of(command(f"echo {mark} {word} > /srv/word")), Sink())
                assert f"{mark} {word}" in await read(found, built, "/srv/word")

    asyncio.run(story())


@requirement("builder.concurrent")
def test_concurrent_builds_of_one_step_share_the_work(target: Target) -> None:
    """Two of one host and one of another: the step runs once."""
    mark = uuid.uuid4().hex
    step = command(f"echo {mark} > /dev/null; sleep 0.5; cat /proc/sys/kernel/random/uuid > /srv/made")

    async def story() -> None:
        async with roles() as found, roles() as other:
            sinks = [Sink(), Sink(), Sink()]
            built = await asyncio.gather(
                found.build(image_of(step), sinks[0]),
                found.build(image_of(step), sinks[1]),
                other.build(image_of(step), sinks[2]),
            )
            assert len({image.id for image in built}) == 1
            seen = {await read(found, built[0], "/srv/made"), await read(other, built[2], "/srv/made")}
            assert len(seen) == 1

    asyncio.run(story())


@requirement("builder.failure")
def test_a_failing_step_is_told_and_not_kept(target: Target) -> None:
    """With its number and last output; the step before it is kept, and the step itself runs anew."""
    mark = uuid.uuid4().hex
    good, bad = command(f"echo {mark}"), command("echo a reason $(cat /proc/sys/kernel/random/uuid)", "exit 3")

    async def story() -> None:
        async with roles() as found:
            said = []
            for kept in (False, True):
                sink = Sink()
                with pytest.raises(ImageBuildError, match="a reason") as caught:
                    await found.build(image_of(good, bad), sink)
                assert "step 3 of 3 " in str(caught.value)  # the base is the first
                assert sink.last(2)[0] == kept
                said += [line for line in sink.printed if line.startswith("a reason")]
            assert len(set(said)) == 2
            sink = Sink()
            await found.build(image_of(good), sink)
            assert sink.last(1) == [True]

    asyncio.run(story())


@refusal("builder.cache", capability="image.run_commands")
@pytest.mark.parametrize("again", [False, True])
def test_commands_are_refused_every_time(target: Target, again: bool) -> None:
    """By name, and never half-made."""

    async def story() -> None:
        async with roles() as found:
            with pytest.raises(CapabilityNotSupported) as caught:
                await found.build(image_of(command("true")))
            assert caught.value.capability == "image.run_commands"

    asyncio.run(story())


@refusal("builder.concurrent", capability="image.run_commands")
def test_concurrent_commands_are_refused(target: Target) -> None:
    """Each of them."""

    async def story() -> None:
        async with roles() as found:
            builds = [found.build(image_of(command("true"))) for _ in range(3)]
            refused = await asyncio.gather(*builds, return_exceptions=True)
            assert [type(each) for each in refused] == [CapabilityNotSupported] * 3

    asyncio.run(story())


@refusal("builder.failure", capability="image.run_commands")
def test_failing_commands_are_refused_before_they_run(target: Target) -> None:
    """A refusal, not a failure."""

    async def story() -> None:
        async with roles() as found:
            with pytest.raises(CapabilityNotSupported):
                await found.build(image_of(command("exit 3")))

    asyncio.run(story())
