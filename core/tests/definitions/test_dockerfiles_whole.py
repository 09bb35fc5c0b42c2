"""Stages, heredocs, mounts, owners and archives of Dockerfiles, as primitive steps (image.dockerfile)."""

from __future__ import annotations

import hashlib
import http.server
import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from intermodal import Image
from intermodal.exception import InvalidError, NotFoundError
from intermodal.specs import (
    AddArchive,
    CacheMount,
    CopyFiles,
    CopyFrom,
    FilesMount,
    ImageMount,
    ImageSpec,
    Registry,
    RunCommands,
    SecretMount,
    SetUser,
    TmpfsMount,
    from_json,
    to_json,
)

Read = Callable[..., Any]
FROM = "FROM python:3.11-slim-bookworm\n"


@pytest.fixture
def read(tmp_path: Path, lowered: Callable[[Image], Any]) -> Read:
    """Lowers the image of a Dockerfile's text, whose context is `tmp_path`."""

    def lower(text: str, **options: Any) -> Any:
        file = tmp_path / "Dockerfile"
        file.write_text(text)
        return lowered(Image.from_dockerfile(file, context_dir=tmp_path, **options))

    return lower


def runs(spec: ImageSpec) -> list[RunCommands]:
    """Its steps of commands."""
    return [step for step in spec.steps if isinstance(step, RunCommands)]


def copies(spec: ImageSpec) -> list[CopyFrom]:
    """What it copies of other images."""
    return [step for step in spec.steps if isinstance(step, CopyFrom)]


def test_a_stage_is_part_of_the_step_that_copies_from_it(read: Read) -> None:
    """By name, by number, or another image; options and several sources go with it."""
    found = read(
        "FROM golang:1 AS build\nWORKDIR /src\nRUN make\nFROM alpine\nRUN other\n"
        + FROM
        + "WORKDIR /app\nCOPY --from=Build /src/a b\nCOPY --from=1 --chown=7:8 --chmod=700 /x /y /z/\n"
        "COPY --from=docker.io/tool:2 bin/* ./\n"
    )
    by_name, by_number, image = copies(found.spec)
    assert (by_name.paths, by_name.target, by_name.directory) == (("/src/a",), "/app/b", False)
    assert by_name.source.base == Registry(tag="golang:1")
    assert [step.commands for step in runs(by_name.source)] == [("make",)]
    assert by_number.source.base == Registry(tag="alpine")
    assert (by_number.paths, by_number.target, by_number.directory) == (("/x", "/y"), "/z", True)
    assert (by_number.owner, by_number.mode) == ("7:8", 0o700)
    assert image.source == ImageSpec(base=Registry(tag="docker.io/tool:2"))
    assert (image.paths, image.target) == (("/bin/*",), "/app")
    assert found.spec.sources() == (by_name.source, by_number.source, image.source)


def test_only_stages_that_are_needed_are_there(read: Read) -> None:
    """Those that needed ones copy from, too, each once; a later stage's name is an image's."""
    found = read(
        "FROM a AS one\nRUN one\nFROM b AS two\nCOPY --from=one /1 /1\nFROM c AS three\nRUN three\n"
        + FROM
        + "COPY --from=two /1 /1\nRUN --mount=type=bind,from=one,target=/one true\nCOPY --from=four / /4\nFROM two\n"
    )
    assert [source.base for source in found.spec.sources()] == [Registry(tag="a")]
    found = read(FROM + "COPY --from=later /a /a\nFROM x AS later\nFROM 0\n")
    assert found.spec.base == Registry(tag="0")


def test_specs_with_stages_travel(read: Read) -> None:
    """As JSON, to another process and back."""
    spec = read("FROM a AS one\n" + FROM + "COPY --from=one /a /b\nRUN --mount=type=cache,target=/c x\nUSER me\n").spec
    assert from_json(ImageSpec, to_json(spec)) == spec


def test_arguments_before_from_and_in_stages(read: Read) -> None:
    """A stage sees those that it declares; a stage that begins with another has its ones."""
    found = read(
        "ARG TAG=1\nFROM tool:$TAG AS one\nARG TAG\nARG OWN=2\nRUN first\nFROM one AS two\nRUN second\n"
        + FROM
        + "COPY --from=two /a /b\nRUN last\n",
        build_args={"TAG": "9"},
    )
    (copy,) = copies(found.spec)
    assert copy.source.base == Registry(tag="tool:9")
    assert [dict(step.env) for step in runs(copy.source)] == [{"TAG": "9", "OWN": "2"}] * 2
    assert [dict(step.env) for step in runs(found.spec)] == [{}]


def test_scripts_as_heredocs(read: Read) -> None:
    """A script of the shell, one with an interpreter of its own, and text for a program; `-` takes tabs away."""
    found = read(
        FROM + "RUN <<EOF\necho one\n# no comment of the Dockerfile\n\necho two\nEOF\n"
        'RUN python3 <<-"END" && echo $X\n\tprint(1)\n\tEND\nRUN <<EOF\n#!/usr/bin/env python3\nprint(2)\nEOF\n'
        'SHELL ["/bin/bash", "-c"]\nRUN <<EOF\necho $0\nEOF\n'
    )
    first, second, third, fourth = [step.commands[0] for step in runs(found.spec)]
    assert first == "echo one\n# no comment of the Dockerfile\n\necho two\n"
    assert second == 'python3 <<-"END" && echo $X\n\tprint(1)\n\tEND'
    assert "<<EOF\n#!/usr/bin/env python3\nprint(2)\nEOF\n" in third
    assert fourth == "/bin/bash -c 'echo $0\n'"


def test_files_as_heredocs(read: Read) -> None:
    """Variables count, unless the name is quoted; several need a directory."""
    found = read(
        FROM
        + "ARG WHO=me\nCOPY <<one <<'two' /srv/\nfor $WHO \\$X\none\nfor $WHO\ntwo\nCOPY <<EOF /etc/motd\nhi\nEOF\n"
    )
    assert found.files(0) == {"/srv/one": b"for me $X\n", "/srv/two": b"for $WHO\n"}
    assert found.files(1) == {"/etc/motd": b"hi\n"}


def test_what_run_is_shown(read: Read, tmp_path: Path) -> None:
    """All kinds of --mount, with their options."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code/a.py").write_text("a")
    text = FROM + (
        "WORKDIR /w\nARG WHERE=/cache\n"
        "RUN --mount=type=cache,target=$WHERE --mount=type=cache,id=shared,dst=c,sharing=locked true\n"
        "RUN --mount=type=secret,id=TOKEN --mount=type=secret,id=KEY,target=/k,mode=0440,uid=5,required=true true\n"
        "RUN --mount=type=tmpfs,target=/t,size=64m --mount=target=/src,source=code true\n"
        "RUN --mount=type=bind,from=tool:1,source=bin,target=/tools true\n"
        "RUN --mount=type=secret,id=TOKEN,env=API_TOKEN use it\n"
    )
    cache, secret, shown, image, variable = runs(read(text).spec)
    assert cache.mounts == (
        CacheMount(target="/cache", id="/cache"),
        CacheMount(target="/w/c", id="shared", alone=True),
    )
    assert secret.mounts == (
        SecretMount(target="/run/secrets/TOKEN", variable="TOKEN"),
        SecretMount(target="/k", variable="KEY", mode=0o440, uid=5, required=True),
    )
    tmpfs, files = shown.mounts
    assert tmpfs == TmpfsMount(target="/t", size=64 << 20)
    assert isinstance(files, FilesMount)
    assert [entry.path for entry in files.tree.entries] == ["a.py"]
    assert image.mounts == (ImageMount(target="/tools", source=ImageSpec(base=Registry(tag="tool:1")), path="/bin"),)
    assert variable.commands == ('export API_TOKEN="$TOKEN"\nuse it',)


def test_users_and_owners(read: Read, tmp_path: Path) -> None:
    """USER is for what runs after it, --chown for what is copied; root's ways of being written are one."""
    (tmp_path / "a").write_text("a")
    text = FROM + "USER app:web\nRUN true\nUSER root\nCOPY --chown=app a /a\nCOPY --chown=0:0 a /b\nUSER 5\n"
    steps = read(text).spec.steps
    assert [step.user for step in steps if isinstance(step, SetUser)] == ["app:web", "", "5", ""]
    assert [step.owner for step in steps if isinstance(step, CopyFiles)] == ["app", ""]


def test_links_and_empty_directories_of_a_context_stay(read: Read, tmp_path: Path) -> None:
    """With the modes of directories; what is ignored is not there, but for the way to what is taken back."""
    tree = tmp_path / "tree"
    (tree / "empty").mkdir(parents=True)
    (tree / "deep/in").mkdir(parents=True)
    (tree / "deep/in/kept").write_text("kept")
    (tree / "deep/lost").write_text("lost")
    (tree / "link").symlink_to("deep/in/kept")
    (tree / "empty").chmod(0o700)
    (tmp_path / ".dockerignore").write_text("tree/deep\n!tree/deep/in\n")
    step = read(FROM + "COPY tree /t\n").spec.steps[1]
    assert isinstance(step, CopyFiles)
    assert [(entry.path, entry.kind, entry.mode) for entry in step.tree.entries if entry.kind != "file"] == [
        ("deep", "directory", 0o755),
        ("deep/in", "directory", 0o755),
        ("empty", "directory", 0o700),
        ("link", "link", 0o777),
    ]
    assert [entry.path for entry in step.tree.entries if entry.kind == "file"] == ["deep/in/kept"]


def test_add_unpacks_archives_and_copies_the_rest(read: Read, tmp_path: Path) -> None:
    """By what they are, not by what they are called."""
    with tarfile.open(tmp_path / "data", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("x"), io.BytesIO())
    (tmp_path / "no.tar.gz").write_bytes(b"no archive")
    steps = read(FROM + "ADD data no.tar.gz /srv/\nCOPY data /raw\n").spec.steps
    (unpacked,) = (step for step in steps if isinstance(step, AddArchive))
    assert (unpacked.name, unpacked.target) == ("data", "/srv")
    copied = [entry.path for step in steps if isinstance(step, CopyFiles) for entry in step.tree.entries]
    assert copied == ["no.tar.gz", ""]


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """An address of the files of `folder`."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(folder))

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_add_takes_files_from_addresses(read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never unpacked; a checksum must be right, and what does not come is an error with its line."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "file.txt").write_text("text")
    right = hashlib.sha256(b"text").hexdigest()
    with serving(tmp_path) as address:
        found = read(f"{FROM}ADD --checksum=sha256:{right} {address}/file.txt?x=1 /srv/\n")
        assert found.files() == {"/srv/file.txt": b"text"}
        with pytest.raises(InvalidError, match=rf"Dockerfile:2: .* has the checksum sha256:{right}, not"):
            read(f"{FROM}ADD --checksum=sha256:{'0' * 64} {address}/file.txt /srv/\n")
        with pytest.raises(NotFoundError, match=r"Dockerfile:2: ADD .*nowhere gave nothing"):
            read(f"{FROM}ADD {address}/nowhere /srv/\n")


def test_the_usual_path_is_there_to_be_extended(read: Read) -> None:
    """What the base sets is not known before the build."""
    (step,) = (step for step in read(FROM + "ENV PATH=/opt/bin:$PATH\n").spec.steps if hasattr(step, "variables"))
    assert step.variables == (("PATH", "/opt/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),)
