"""Layers are made once, shared, listed and pruned."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from intermodal.exception import ImageBuildError
from intermodal.specs import RunCommands, SetCmd, SetEntrypoint
from intermodal_docker.images.names import reference

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def commands(count: int, last: str = "echo") -> list[RunCommands]:
    """So many steps, of which the last may differ."""
    return [
        RunCommands(commands=(f"{'echo' if number < count else last} {number} >> /root/steps",))
        for number in range(1, count + 1)
    ]


def test_a_change_in_the_last_of_ten_steps_makes_only_it(workshop: Any) -> None:
    """By count."""
    workshop.build(*commands(10))
    assert workshop.said.cached == [workshop.said.cached[0], *[False] * 10]
    changed = workshop.build(*commands(10, last="printf %s"))
    assert workshop.said.cached == [*[True] * 10, False]
    assert workshop.look(changed, "cat /root/steps") == [*map(str, range(1, 10)), "10"]


def test_a_cached_image_is_found_by_another_session(workshop: Any) -> None:
    """Nothing runs, and it is the same image."""
    first = workshop.build(*commands(2))
    other = workshop.again()
    try:
        assert other.build(*commands(2)) == first
        assert other.said.cached == [True, True, True]
    finally:
        other.asked.clear()
        other.close()


def test_an_image_that_is_there_takes_two_questions(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which image its base is now, and its last layer. No session begins for it, nor is one looked for."""
    built = workshop.build(*commands(10))
    other = workshop.again()
    asked: list[str] = []
    ask = other.engine.image

    def image(reference: str) -> Any:
        asked.append(reference)
        return ask(reference)

    monkeypatch.setattr(other.engine, "image", image)
    for name in ("images", "containers"):
        monkeypatch.setattr(other.engine, name, lambda *_: pytest.fail("the engine was asked for a list"))
    try:
        assert other.build(*commands(10)) == built
        assert len(asked) == 2
        assert len(list((workshop.data / workshop.backend / "sessions").glob("*.lock"))) == 1
    finally:
        monkeypatch.undo()
        other.asked.clear()
        other.close()


def test_two_sessions_that_want_one_step_share_it(workshop: Any) -> None:
    """The second waits, says so, and finds it."""
    other = workshop.again()
    step = RunCommands(commands=("echo begun; while [ ! -e /root/go ]; do sleep 0.05; done; echo x >> /root/made",))
    begun, waits = threading.Event(), threading.Event()
    workshop.said.told = lambda line: begun.set() if line == "begun" else None
    other.said.told = lambda line: waits.set() if "another build" in line else None

    def release() -> None:
        assert begun.wait(60)
        second.start()
        assert waits.wait(60)
        (box,) = workshop.engine.containers({"intermodal.layer": workshop.keys(step)[1]})
        touching = workshop.engine.exec(box.id, ["touch", "/root/go"])
        touching.read()
        touching.close()

    second = threading.Thread(target=lambda: other.build(step))
    releasing = threading.Thread(target=release)
    releasing.start()
    try:
        built = workshop.build(step)
        releasing.join()
        second.join()
        assert workshop.look(built, "cat /root/made") == ["x"]
        assert waits.is_set()
        assert "begun" not in other.said.lines
    finally:
        other.asked.clear()
        other.close()


def test_a_forced_step_is_made_again_once_in_a_session(workshop: Any) -> None:
    """And what it made counts for the unforced step from then on."""
    step = RunCommands(commands=("cat /proc/sys/kernel/random/uuid > /root/id",))
    first = workshop.look(workshop.build(step), "cat /root/id")
    forced = replace(step, force=True)
    second = workshop.look(workshop.build(forced), "cat /root/id")
    assert second != first
    assert workshop.look(workshop.build(forced), "cat /root/id") == second
    assert workshop.look(workshop.build(step), "cat /root/id") == second


def test_a_cancelled_build_leaves_nothing(workshop: Any) -> None:
    """Neither its container nor half a layer; the next build makes it."""
    step = RunCommands(commands=("echo begun", "sleep 600"))

    async def cancelled() -> None:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()
        workshop.said.told = lambda line: loop.call_soon_threadsafe(begun.set) if line == "begun" else None
        building = asyncio.create_task(workshop.building(step))
        await begun.wait()
        building.cancel()
        with pytest.raises(asyncio.CancelledError):
            await building

    asyncio.run(cancelled())
    key = workshop.keys(step)[1]
    assert not workshop.engine.containers({"intermodal.layer": key})
    assert workshop.engine.image(reference(key)) is None


def test_an_image_that_was_removed_is_made_again(workshop: Any) -> None:
    """Whoever removed it, and also when only a layer below is gone."""
    steps = commands(3)
    workshop.build(*steps)
    keys = workshop.keys(*steps)
    workshop.engine.remove_image(reference(keys[3]))
    workshop.engine.remove_image(reference(keys[2]))
    built = workshop.build(*steps)
    assert workshop.said.cached == [True, True, False, False]
    assert workshop.look(built, "cat /root/steps") == ["1", "2", "3"]


def test_what_is_in_use_or_new_is_not_pruned(workshop: Any) -> None:
    """The listing says so; what is old and free goes, and only ours."""
    steps = commands(2)
    workshop.build(*steps)
    keys = workshop.keys(*steps)[1:]
    listed = {info.id: info for info in workshop.images() if info.id in keys}
    assert set(listed) == set(keys)
    assert all(info.in_use for info in listed.values())
    assert listed[keys[0]].title.startswith("run_commands echo 1")
    assert not set(workshop.prune(everything=True).removed) & set(keys)
    later = workshop.again()
    workshop.builder._uses.close()
    try:
        assert not set(later.prune(older_than_s=3600.0).removed) & set(keys)
        os.utime(later.data / later.backend / "layers" / "used" / keys[1], (0, 0))
        assert keys[1] in later.prune(older_than_s=3600.0).removed
        assert [later.engine.image(reference(key)) is not None for key in keys] == [True, False]
    finally:
        later.close()


def test_layers_of_other_data_directories_are_neither_listed_nor_pruned(workshop: Any, tmp_path: Path) -> None:
    """One engine may have those of several: each prunes what was made from it. All share what there is."""
    other = type(workshop)(workshop.backend, tmp_path / "other")
    steps = commands(2)
    theirs = other.build(*steps)
    keys = set(other.keys(*steps)[1:])
    other.builder._uses.close()  # nobody uses them now
    try:
        assert keys <= {info.id for info in other.images()}
        assert not keys & {info.id for info in workshop.images()}
        assert not keys & set(workshop.prune(everything=True).removed)
        mine = type(workshop)(workshop.backend, workshop.data, mark=other.mark)
        assert mine.build(*steps) == theirs
        mine.asked.clear()
        mine.close()
        assert keys <= set(other.prune(everything=True).removed)
    finally:
        other.close()


def test_entrypoint_and_cmd_are_the_images(workshop: Any) -> None:
    """What builds run in their stead does not stay; [] takes them away."""
    below = workshop.engine.image(f"python:{PYTHON}-slim-bookworm")
    plain = workshop.engine.image(workshop.build(*commands(1)).ref)
    assert (plain.entrypoint, plain.user) == (below.entrypoint, below.user)
    assert plain.command == (below.command or ("/bin/sh",))
    made = workshop.build(
        *commands(1), SetEntrypoint(argv=("/bin/sh", "-c", 'exec "$@"', "x y")), SetCmd(argv=("echo", "$HOME"))
    )
    details = workshop.engine.image(made.ref)
    assert details.entrypoint == ("/bin/sh", "-c", 'exec "$@"', "x y")
    assert details.command == ("echo", "$HOME")
    none = workshop.engine.image(workshop.build(*commands(1), SetEntrypoint(argv=()), SetCmd(argv=())).ref)
    assert (none.entrypoint, none.command) == ((), ("/bin/sh",))


def test_a_half_made_layer_is_never_found(workshop: Any) -> None:
    """A step that failed is run again the next time."""
    step = RunCommands(commands=("echo tried; exit 1",))
    for _ in range(2):
        with pytest.raises(ImageBuildError):
            workshop.build(step)
        assert (2, "tried") in workshop.said.printed
