"""Dockerfiles built for real in engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dockerfiles import EVERYTHING, SEEN, lower_with, write_archive, write_context
from intermodal.exception import ImageBuildError
from intermodal.specs import AddArchive, DebianSlim
from intermodal_docker.engine import CreateRequest


def build(workshop: Any, folder: Path, text: str, secrets: dict[str, str] | None = None) -> Any:
    """The image of a Dockerfile over the workshop's own base, and what it was lowered to."""
    name = workshop.builder._options.reference(DebianSlim(python="3.11"))
    lowered = lower_with(workshop.blobs, folder, text.replace("BASE", name).replace("MARK", workshop.mark), secrets)
    return workshop.build(*lowered.spec.steps, base=lowered.spec.base, secrets=lowered.secrets)


def test_everything_of_a_dockerfile(workshop: Any, tmp_path: Path) -> None:
    """Stages, heredocs, mounts, owners, archives and users; what was only shown is in no layer, caches outlive it."""
    write_context(tmp_path)
    text = "FROM BASE AS base\nENV MINE=MARK\n" + EVERYTHING
    built = build(workshop, tmp_path, text, {"TOKEN": "hunter2"})
    assert "hunter2" not in repr(workshop.said)
    command = "cat /list; head -99 /yard/beside /counted /home/sailor/me /etc/heredoc /yard/script; ls /run/secrets"
    lines = [line.rstrip() for line in workshop.look(built, command)]
    assert [line for line in lines if line in SEEN] == SEEN, "\n".join(lines)
    shown = "\n".join(lines)
    assert "==> /yard/beside <==\n7\nahoy\navast\none\n" in shown
    assert "==> /home/sailor/me <==\n1234\n4321\n/yard\n" in shown
    assert "==> /counted <==\n1\n" in shown
    assert not any(f"{path} " in shown for path in ("/quick/gone", "/shown/names", "/others/one"))
    assert "TOKEN" not in shown


def test_an_image_of_nothing_but_what_a_stage_made(workshop: Any, tmp_path: Path) -> None:
    """No shell and no Python is needed where files are copied only."""
    text = "FROM BASE AS made\nRUN : MARK; mkdir /out && echo hi > /out/a\nFROM scratch\nCOPY --from=made /out /\n"
    built = build(workshop, tmp_path, text)
    made = workshop.engine.image(built.ref)
    assert made is not None
    assert made.size < 1 << 20


def test_a_changed_stage_is_made_though_the_last_one_begins_with_what_is_there(workshop: Any, tmp_path: Path) -> None:
    """Layers of several stages are no chain: one that is there says nothing of those before it."""
    text = "FROM BASE AS made\nRUN : MARK; mkdir /out && echo {} > /out/a\nFROM scratch\nCOPY --from=made /out /\n"
    for word in ("one", "two"):
        built = build(workshop, tmp_path, text.format(word))
        box = workshop.engine.create(CreateRequest(image=built.ref, command=("none",), entrypoint=()))
        try:
            assert word.encode() in b"".join(workshop.engine.get_archive(box, "/a"))
        finally:
            workshop.engine.remove(box)
    assert workshop.said.cached == [True, False, True, False]


def test_a_hostile_archive_is_refused(workshop: Any, tmp_path: Path) -> None:
    """Before the engine gets anything of it."""

    write_archive(tmp_path / "bad.tar", [("../out", b"0", "")])
    blob = workshop.blobs.add((tmp_path / "bad.tar").read_bytes())
    with pytest.raises(ImageBuildError, match="leads out of it"):
        workshop.build(AddArchive(archive=blob, name="bad.tar", target="/srv"))
