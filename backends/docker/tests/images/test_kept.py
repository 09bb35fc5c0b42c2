"""What builds and containers keep in volumes of an engine is listed and pruned by the rules of layers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from intermodal.specs import CacheMount, RunCommands
from intermodal_docker.engine import CreateRequest, VolumeMount
from intermodal_docker.images.downloads import cache_volume
from intermodal_docker.parcels import Parcel
from intermodal_docker.session import Session
from intermodal_docker.shipped import Shipped
from intermodal_docker.shipping import Shipping

_SIZE = 3 << 20


@pytest.fixture
def other(workshop: Any, tmp_path: Path) -> Iterator[Any]:
    """A session over another data directory and the same engine."""
    made = type(workshop)(workshop.backend, tmp_path / "other")
    yield made
    made.close()


def caching(workshop: Any) -> tuple[str, RunCommands]:
    """A cache that no other test has, and a step that fills it."""
    id = f"tests-{workshop.mark}"
    mount = CacheMount(target="/kept", id=id)
    fill = f"ls /kept; head -c {_SIZE} /dev/urandom > /kept/it"
    return id, RunCommands(commands=(fill,), mounts=(mount,))


def test_caches_of_steps_are_listed_and_pruned(workshop: Any, other: Any) -> None:
    """Not what a session uses, nor what is new, nor what another data directory made; who needs it gets a new one."""
    id, step = caching(workshop)
    workshop.build(step)
    (found,) = [info for info in workshop.images() if info.title == f"cache {id}"]
    assert found.in_use
    assert found.size >= _SIZE
    assert not [info for info in other.images() if info.id == found.id]
    assert found.id not in workshop.prune(everything=True).removed
    workshop.builder._uses.close()
    assert found.id not in other.prune(everything=True).removed
    assert found.id not in workshop.prune(older_than_s=3600.0).removed
    name = cache_volume(id)
    os.utime(workshop.data / workshop.backend / "layers" / "used" / name, (0, 0))
    report = workshop.prune(older_than_s=3600.0)
    assert found.id in report.removed
    assert report.bytes_freed >= _SIZE
    assert name not in workshop.engine.volumes({})
    again = RunCommands(commands=(*step.commands, "ls /kept"), mounts=step.mounts)
    workshop.build(again)
    assert workshop.said.lines.count("it") == 1
    workshop.engine.remove_volume(name)


def test_files_sent_to_an_engine_are_listed_and_pruned(workshop: Any, tmp_path: Path) -> None:
    """Not while a session uses them, nor before their time."""
    (tmp_path / "sent").write_bytes(os.urandom(_SIZE))
    parcel = Parcel.of({"sent": tmp_path / "sent"})
    with Session(workshop.data, workshop.backend) as session:
        shipping = Shipping(workshop.engine, workshop.data, session.labels)
        (name,) = shipping.send([parcel], "python:3.11-slim-bookworm")
        assert shipping.send([parcel], "python:3.11-slim-bookworm") == [name]
        (found,) = [info for info in workshop.images() if info.id == parcel.key]
        assert found.in_use
        assert found.size >= _SIZE
        assert parcel.key not in workshop.prune(everything=True).removed
        shipping.close()
    assert parcel.key not in workshop.prune(older_than_s=3600.0).removed
    assert name in workshop.engine.volumes({})
    report = workshop.prune(everything=True)
    assert parcel.key in report.removed
    assert report.bytes_freed >= _SIZE
    assert name not in workshop.engine.volumes({})


def test_what_was_never_sent_whole_goes_with_its_session(workshop: Any) -> None:
    """Nobody would use it; as long as the session lives it may be on its way."""
    name = f"intermodal-{workshop.mark}"
    with Session(workshop.data, workshop.backend) as session:
        workshop.engine.create_volume(name, {**session.labels, "intermodal.parcel": workshop.mark})
        assert Shipped(workshop.engine, workshop.data).prune({}, older_than_s=0.0) == []
    (removed,) = Shipped(workshop.engine, workshop.data).prune({}, older_than_s=3600.0)
    assert removed.id == workshop.mark
    assert name not in workshop.engine.volumes({})


def test_a_volume_without_a_name_goes_with_its_container(workshop: Any) -> None:
    """What a step was shown takes no room afterwards."""
    id = workshop.engine.create(
        CreateRequest(
            image="python:3.11-slim-bookworm",
            entrypoint=(),
            command=("true",),
            volumes=[VolumeMount("", "/shown", read_only=False)],
        )
    )
    asked = [workshop.backend, "inspect", "--format", "{{(index .Mounts 0).Name}}", id]
    name = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    assert name in workshop.engine.volumes({})
    workshop.engine.remove(id)
    assert name not in workshop.engine.volumes({})
