"""Dockerfiles over the host's userland, built for real; and which of their steps are built again (image.immutable)."""

from __future__ import annotations

import os
import platform
import tarfile
from pathlib import Path
from typing import Any

import pytest

from dockerfiles import EVERYTHING, SEEN, lower_with, write_archive, write_context
from intermodal import Image
from intermodal.definitions.lowering import lower_image
from intermodal.exception import ImageBuildError
from intermodal.specs import AddArchive, RunCommands

PYTHON = ".".join(platform.python_version_tuple()[:2])
pytestmark = pytest.mark.skipif(
    platform.freedesktop_os_release().get("ID") != "debian", reason="images of Python stand on Debian"
)


def dockerfile() -> str:
    """Everything that a usual one has."""
    codename = platform.freedesktop_os_release()["VERSION_CODENAME"]
    return f"""
ARG VERSION
FROM python:${{VERSION}}-slim-{codename} AS base
ENV GREETING="hello there" \\
    HOME_OF=/srv/app
WORKDIR $HOME_OF
COPY first.txt .
RUN cat first.txt > seen && echo "$GREETING" >> seen

FROM base
ARG WHO=nobody
SHELL ["/bin/bash", "-c"]
RUN if [[ $WHO == me* ]]; then echo "for $WHO" >> seen; fi
COPY code/ code/
RUN ["python3", "code/main.py"]
USER root
CMD ["python3"]
"""


def build(workshop: Any, context: Path, file: Path, **options: Any) -> list[str]:
    """Build it and say which steps were made, not found: the copying and running ones only."""
    lowered = lower_image(Image.from_dockerfile(file, context_dir=context, **options))
    for name, content in lowered.blobs.items():
        data = content if isinstance(content, bytes) else content.read_bytes()
        assert workshop.blobs.add(data) == name
    workshop.build(*lowered.spec.steps, base=lowered.spec.base)
    return [title for _, title, cached in workshop.said.steps if not cached]


def test_a_dockerfile_is_built_step_by_step(workshop: Any, tmp_path: Path) -> None:
    """Only the changed step and later ones are built again; ignored files change nothing."""
    context = tmp_path / "context"
    (context / "code").mkdir(parents=True)
    file = tmp_path / "Dockerfile"
    file.write_text(dockerfile())
    (context / "first.txt").write_text("first\n")
    (context / ".dockerignore").write_text("**/*.md\n")
    (context / "code/main.py").write_text("print(open('seen').read().splitlines())\n")
    arguments = {"VERSION": PYTHON, "WHO": "me and you"}

    assert len(build(workshop, context, file, build_args=arguments)) == 6
    assert "['first', 'hello there', 'for me and you']" in workshop.said.lines

    (context / "code/notes.md").write_text("ignored")
    assert build(workshop, context, file, build_args=arguments) == []

    (context / "code/main.py").write_text("print('changed')\n")
    made = build(workshop, context, file, build_args=arguments)
    assert [title.split()[0] for title in made] == ["copy", "run_commands"]

    made = build(workshop, context, file, build_args={**arguments, "WHO": "nobody"})
    assert len(made) == 3

    (context / "first.txt").write_text("another\n")
    assert len(build(workshop, context, file, build_args=arguments)) == 5


def test_everything_of_a_dockerfile(workshop: Any, tmp_path: Path) -> None:
    """Stages, heredocs, mounts, owners, archives and users; what was only shown is in no layer, caches outlive it."""
    if os.geteuid() != 0:
        pytest.skip("owners of copied files need root")
    write_context(tmp_path)
    begin = f"FROM python:{PYTHON}-slim-{platform.freedesktop_os_release()['VERSION_CODENAME']} AS base\n"
    text = begin + EVERYTHING.replace("MARK", tmp_path.name)
    built = lower_with(workshop.blobs, tmp_path, text, {"TOKEN": "hunter2"})
    workshop.build(*built.spec.steps, base=built.spec.base, secrets=built.secrets)
    assert not any("exit 7" in title for _, title, _ in workshop.said.steps)
    assert "hunter2" not in repr(workshop.said)
    look = RunCommands(
        commands=("cat /list; head -99 /yard/beside /counted /home/sailor/me /etc/heredoc /yard/script",)
    )
    workshop.build(*built.spec.steps, look, base=built.spec.base, secrets=built.secrets)
    lines = [line.rstrip() for line in workshop.said.lines]
    assert [line for line in lines if line in SEEN] == SEEN
    shown = "\n".join(lines)
    assert "==> /yard/beside <==\n7\nahoy\navast\none\n" in shown
    assert "==> /home/sailor/me <==\n1234\n4321\n/yard\n" in shown
    assert "==> /counted <==\n1\n" in shown
    assert "from the file" in shown
    assert not any(f"{path} " in shown for path in ("/quick", "/shown/names", "/others/one"))
    assert not any(b"hunter2" in path.read_bytes() for path in workshop.root.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([("../out", tarfile.REGTYPE, "")], "leads out of it"),
        ([("/etc/out", tarfile.REGTYPE, "")], "leads out of it"),
        ([("null", tarfile.CHRTYPE, "")], "a device or a pipe"),
        ([("pipe", tarfile.FIFOTYPE, "")], "a device or a pipe"),
        ([("hard", tarfile.LNKTYPE, "../../etc/passwd")], "leads out of it"),
        ([("hard", tarfile.LNKTYPE, "absent")], "which is not copied with it"),
    ],
)
def test_hostile_archives_are_refused(
    workshop: Any, tmp_path: Path, members: list[tuple[str, bytes, str]], words: str
) -> None:
    """By what is wrong with them."""
    write_archive(tmp_path / "bad.tar", members)
    blob = workshop.blobs.add((tmp_path / "bad.tar").read_bytes())
    with pytest.raises(ImageBuildError, match=words):
        workshop.build(AddArchive(archive=blob, name="bad.tar", target="/srv"))


def test_links_of_an_archive_lead_where_they_do_in_the_image(workshop: Any, tmp_path: Path) -> None:
    """Never to the host: a file behind an absolute link is one of the image."""
    outside = tmp_path / "outside"
    outside.mkdir()
    write_archive(
        tmp_path / "links.tar",
        [("way", tarfile.SYMTYPE, str(outside)), ("way/file", tarfile.REGTYPE, "")],
    )
    blob = workshop.blobs.add((tmp_path / "links.tar").read_bytes())
    seen = workshop.see(AddArchive(archive=blob, name="links.tar", target="/srv"), command=f"cat {outside}/file")
    assert seen == ["x"]
    assert list(outside.iterdir()) == []


def test_a_changed_stage_is_copied_again(workshop: Any, tmp_path: Path) -> None:
    """What the final stage takes from another one is part of its cache."""
    begin = f"FROM python:{PYTHON}-slim-{platform.freedesktop_os_release()['VERSION_CODENAME']}"

    def titles(text: str) -> list[str]:
        built = lower_with(workshop.blobs, tmp_path, text)
        workshop.build(*built.spec.steps, base=built.spec.base)
        return [title for _, title, cached in workshop.said.steps if not cached]

    text = f"{begin} AS made\nRUN echo one > /a\n{begin}\nRUN echo before\nCOPY --from=made /a /b\nRUN cat /b\n"
    assert len(titles(text)) == 4
    assert titles(text) == []
    made = titles(text.replace("echo one", "echo two"))
    assert [title.split()[0] for title in made] == ["run_commands", "copy", "run_commands"]
    assert "two" in workshop.said.lines


def test_a_secret_that_must_be_there(workshop: Any, tmp_path: Path) -> None:
    """Without it the step is refused where `required`, and sees no file where not."""
    begin = f"FROM python:{PYTHON}-slim-{platform.freedesktop_os_release()['VERSION_CODENAME']}\n"
    built = lower_with(workshop.blobs, tmp_path, f"{begin}RUN --mount=type=secret,id=ABSENT true\n")
    workshop.build(*built.spec.steps, base=built.spec.base)
    built = lower_with(workshop.blobs, tmp_path, f"{begin}RUN --mount=type=secret,id=ABSENT,required=true true\n")
    with pytest.raises(ImageBuildError, match="no secret of the step has 'ABSENT'"):
        workshop.build(*built.spec.steps, base=built.spec.base)
