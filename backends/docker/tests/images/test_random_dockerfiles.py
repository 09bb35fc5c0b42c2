"""Dockerfiles mean what the engine's own builder makes of them."""

from __future__ import annotations

import io
import os
import secrets
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings

from intermodal import Image
from intermodal.definitions.lowering import lower_image
from intermodal.specs import DebianSlim
from intermodal_docker.engine import CreateRequest, Engine, ImageDetails, NotThere
from random_dockerfiles import BEGINNING, BUILD_ARGS, DOCKERFILES, Dockerfile, write_everything

pytestmark = pytest.mark.engine("docker")


class Comparison:
    """What our builder and docker's make of one file."""

    def __init__(self, workshop: Any) -> None:
        self._workshop = workshop
        self._engine: Engine = workshop.engine
        self._base = workshop.builder._options.reference(DebianSlim(python="3.11"))

    def of(self, file: Dockerfile) -> tuple[dict[str, Any], dict[str, Any]]:
        """Ours and theirs."""
        with tempfile.TemporaryDirectory() as folder:
            write_everything(Path(folder), file, self._base)
            return self._ours(Path(folder)), self._theirs(Path(folder))

    def _ours(self, folder: Path) -> dict[str, Any]:
        image = Image.from_dockerfile(folder / "Dockerfile", context_dir=folder, build_args=BUILD_ARGS)
        lowered = lower_image(image)
        for content in lowered.blobs.values():
            self._workshop.blobs.add(content if isinstance(content, bytes) else content.read_bytes())
        built = self._workshop.build(*lowered.spec.steps, base=lowered.spec.base)
        env = {name: value for name, value in built.env if name != "WORKSHOP"}
        details = self._engine.image(built.ref)
        assert details is not None
        return {"files": self._files(built.ref), "env": env, "workdir": built.workdir, **_programs(details, folder)}

    def _theirs(self, folder: Path) -> dict[str, Any]:
        name = f"intermodal-tests:{secrets.token_hex(6)}"
        given = [f"--build-arg={key}={value}" for key, value in BUILD_ARGS.items()]
        command = [_builder(), "build", "--quiet", "--network=host", f"--tag={name}", *given, str(folder)]
        done = subprocess.run(
            command, env={**os.environ, "DOCKER_BUILDKIT": "1"}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        try:
            details, base = self._engine.image(name), self._engine.image(self._base)
            assert details is not None
            assert base is not None
            variables = dict(details.env.items() - base.env.items())
            workdir = details.workdir or "/root"  # as without any on all backends
            return {"files": self._files(name), "env": variables, "workdir": workdir, **_programs(details, folder)}
        finally:
            self._engine.remove_image(name)

    def _files(self, image: str) -> dict[str, tuple[object, ...]]:
        """What is below /w: mode and kind, owner, and content."""
        box = self._engine.create(CreateRequest(image=image, command=("none",), entrypoint=()))
        try:
            data = b"".join(self._engine.get_archive(box, "/w"))
        except NotThere:
            return {}
        finally:
            self._engine.remove(box)
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            return {entry.name: _described(archive, entry) for entry in archive}


def _programs(details: ImageDetails, folder: Path) -> dict[str, object]:
    """What containers run. Without CMD it is what the base has, which docker forgets where there is an ENTRYPOINT."""
    says_cmd = "\nCMD" in (folder / "Dockerfile").read_text()
    return {"entrypoint": details.entrypoint, "cmd": details.command if says_cmd else ()}


def _described(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> tuple[object, ...]:
    content = archive.extractfile(entry) if entry.isreg() else None
    return entry.type, oct(entry.mode), entry.uid, entry.gid, entry.linkname, content.read() if content else b""


def _builder() -> str:
    """The command whose builder is the engine's own, and not another program's."""
    for folder in ("/usr/bin", "/usr/local/bin", "/bin"):
        command = f"{folder}/docker"
        if os.path.exists(command):
            env = {**os.environ, "DOCKER_BUILDKIT": "1"}
            asked = subprocess.run([command, "build", "--help"], env=env, capture_output=True, check=False)
            if asked.returncode == 0:
                return command
    pytest.skip("no docker command here builds by itself: it wants buildx")


#: What was made otherwise once: a directory that nothing runs in, whose it is; root as an owner; owners of archives.
FOUND = Dockerfile(
    BEGINNING
    + """\
USER daemon:mail
WORKDIR /w/d1/d2
WORKDIR ../d3
RUN touch mine
COPY --from=made --chown=root /w/made /w/rooted
ADD --chown=1234:56 data.tar /w/unpacked/
USER 1234
WORKDIR /w/last
"""
)


@pytest.mark.parametrize("workshop", ["docker"], indirect=True)  # podman's builder knows fewer instructions
@example(file=FOUND)
@settings(
    max_examples=2, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False
)
@given(file=DOCKERFILES)
def test_a_dockerfile_means_what_the_engines_own_builder_makes_of_it(workshop: Any, file: Dockerfile) -> None:
    """The same files with the same content, modes and owners, the same variables, directory and entrypoint."""
    ours, theirs = Comparison(workshop).of(file)
    assert ours == theirs, file.text
