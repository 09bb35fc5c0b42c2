"""Dockerfiles over the host's userland, built for real; and which of their steps are built again (image.immutable)."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import pytest

from intermodal import Image
from intermodal.definitions.lowering import lower_image

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

    assert len(build(workshop, context, file, build_args=arguments)) == 5
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
