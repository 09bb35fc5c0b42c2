"""Dockerfiles become primitive steps, or an error that names the line (image.steps, image.context)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import intermodal
from intermodal import FilePatternMatcher, Image
from intermodal.exception import CapabilityNotSupported, InvalidError, NotFoundError
from intermodal.specs import (
    CopyFiles,
    Registry,
    RunCommands,
    Scratch,
    SetCmd,
    SetEntrypoint,
    SetEnv,
    SetWorkdir,
)

Read = Callable[..., Any]  #: options to what `lowered` gives
Lower = Callable[[Image], Any]
FROM = "FROM python:3.11-slim-bookworm\n"


@pytest.fixture
def read(tmp_path: Path, lowered: Lower) -> Read:
    """Lowers the image of a Dockerfile's text, whose context is `tmp_path`."""

    def lower(text: str, **options: Any) -> Any:
        file = tmp_path / "Dockerfile"
        file.write_text(text)
        return lowered(Image.from_dockerfile(file, context_dir=options.pop("context_dir", tmp_path), **options))

    return lower


def commands(read: Any) -> list[str]:
    """What its RUN lines run."""
    return [line for step in read.spec.steps if isinstance(step, RunCommands) for line in step.commands]


def variables(read: Any) -> dict[str, str]:
    """What its ENV lines set."""
    return {name: value for step in read.spec.steps if isinstance(step, SetEnv) for name, value in step.variables}


def test_the_base_says_which_python_it_has(read: Read) -> None:
    """Official images of Python say it in their tag; others have what add_python= adds."""
    assert read(FROM).spec.base == Registry(tag="python:3.11-slim-bookworm", python="3.11")
    assert read("FROM debian:bookworm-slim").spec.base == Registry(tag="debian:bookworm-slim")
    added = read("FROM ghcr.io/owner/tool:1", add_python="3.12").spec.base
    assert added == Registry(tag="ghcr.io/owner/tool:1", python="3.12", add_python=True)
    assert read("from scratch").spec.base == Scratch()


def test_lines_go_on_and_comments_do_not_count(read: Read) -> None:
    """A backslash continues, comments and empty lines may stand between, `# escape=` changes the sign."""
    text = FROM + "# a comment\nRUN echo one && \\\n  # inside\n\n  echo two\nrun echo three # four\n"
    assert commands(read(text)) == ["echo one &&   echo two", "echo three # four"]
    assert commands(read("# escape=`\n" + FROM + "RUN echo C:\\ `\n more")) == ["echo C:\\  more"]


def test_the_exec_form_runs_without_a_shell_and_shell_changes_it(read: Read) -> None:
    """Words of the exec form arrive whole; SHELL runs the lines after it."""
    text = FROM + 'RUN ["echo", "$HOME; a b"]\nSHELL ["/bin/bash", "-euc"]\nRUN echo ${X[@]}\nCMD run it\n'
    found = read(text)
    assert commands(found) == ["echo '$HOME; a b'", "/bin/bash -euc 'echo ${X[@]}'"]
    assert found.spec.cmd() == ("/bin/bash", "-euc", "run it")


def test_variables_of_arg_and_env(read: Read) -> None:
    """ENV goes before ARG, build_args= before defaults, quotes are as in a shell; RUN gets ARGs as variables."""
    text = (
        "ARG VERSION=3.10\nFROM python:${VERSION}-slim-bookworm AS base\nARG VERSION\nARG NAME=nobody\nARG UNSET\n"
        "ENV A=\"$NAME of $VERSION\" B='$NAME' C=${UNSET:-none} D=${NAME:+some} E=\\$NAME\n"
        "ENV LEGACY two words\nENV NAME=env\nWORKDIR /srv/$NAME\nRUN echo $NAME\n"
    )
    found = read(text, build_args={"VERSION": "3.11"})
    assert found.spec.base == Registry(tag="python:3.11-slim-bookworm", python="3.11")
    assert variables(found) == {
        "A": "nobody of 3.11",
        "B": "$NAME",
        "C": "none",
        "D": "some",
        "E": "$NAME",
        "LEGACY": "two words",
        "NAME": "env",
    }
    assert found.spec.workdir() == "/srv/env"
    (run,) = (step for step in found.spec.steps if isinstance(step, RunCommands))
    assert dict(run.env) == {"VERSION": "3.11", "NAME": "nobody"}
    assert run.commands == ("echo $NAME",)


def test_an_argument_that_no_line_takes_is_told(read: Read) -> None:
    """build_args= with a misspelt name warns."""
    with pytest.warns(UserWarning, match="no ARG TYPO"):
        read(FROM + "ARG RIGHT=1\n", build_args={"TYPO": "1"})


def test_workdir_begins_at_the_root_and_functions_begin_in_root_home(read: Read) -> None:
    """Relative paths count from `/` as in Docker; without any WORKDIR containers start in /root (image.defaults)."""
    assert read(FROM + "WORKDIR app\nWORKDIR sub/../other\n").spec.workdir() == "/app/other"
    assert read(FROM + "RUN pwd\n").spec.workdir() == "/root"


def test_copy_of_files_directories_and_patterns(read: Read, tmp_path: Path) -> None:
    """Each COPY is one step; a directory's content goes to the target, several things go into it."""
    (tmp_path / "src/deep").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "src/one.py", "src/deep/two.py"):
        (tmp_path / name).write_text(name)
    text = FROM + (
        "WORKDIR /app\nCOPY a.txt renamed.txt\nCOPY a.txt into/\nCOPY *.txt /all/\nCOPY src .\n"
        'ADD ["a.txt", "src", "/both/"]\nCOPY --chmod=755 --chown=root:root src/one.py /bin/one\n'
    )
    found = read(text)
    assert [set(found.files(number)) for number in range(7)] == [
        set(),  # the directory alone
        {"/app/renamed.txt"},
        {"/app/into/a.txt"},
        {"/all/a.txt", "/all/b.txt"},
        {"/app/one.py", "/app/deep/two.py"},
        {"/both/a.txt", "/both/one.py", "/both/deep/two.py"},
        {"/bin/one"},
    ]
    last = found.spec.steps[-1]
    assert isinstance(last, CopyFiles)
    assert last.tree.entries[0].mode == 0o755


def test_ignore_files_and_patterns_of_a_context(read: Read, tmp_path: Path) -> None:
    """.dockerignore of the context, NAME.dockerignore before it, ignore= before both."""
    for name in ("keep.py", "notes.md", "data.bin"):
        (tmp_path / name).write_text(name)
    text = FROM + "COPY . /app\n"
    names = {"Dockerfile", ".dockerignore", "keep.py", "notes.md", "data.bin", "Dockerfile.dockerignore"}
    (tmp_path / ".dockerignore").write_text("# comment\n*\n!*.py\n")
    assert set(read(text).files()) == {"/app/keep.py"}
    (tmp_path / "Dockerfile.dockerignore").write_text("*.md\n")
    assert set(read(text).files()) == {f"/app/{name}" for name in names - {"notes.md"}}
    assert set(read(text, ignore=~FilePatternMatcher("*.bin")).files()) == {"/app/data.bin"}
    with pytest.raises(NotFoundError, match=r"Dockerfile:2: 'keep.py' is not in the build context .* or is ignored"):
        read(FROM + "COPY keep.py /", ignore=["*.py"])


def test_what_copy_cannot_reach_is_an_error_with_its_line(read: Read) -> None:
    """Nothing of that name, and what lies outside."""
    with pytest.raises(NotFoundError, match="Dockerfile:3: 'nowhere'"):
        read(FROM + "RUN true\nCOPY nowhere /x\n")
    with pytest.raises(InvalidError, match=r"Dockerfile:2: '\.\./up' is outside of the build context"):
        read(FROM + "COPY ../up /x\n")


def test_the_last_stage_with_those_it_starts_from(read: Read) -> None:
    """Stages that it does not start from are not built, their variables do not count."""
    text = (
        "FROM python:3.11-slim-bookworm AS base\nRUN echo base\nENV A=1\n"
        "FROM golang AS tools\nRUN echo tools\nFROM Base AS final\nRUN echo $A\nWORKDIR /x$A\n"
    )
    found = read(text)
    assert commands(found) == ["echo base", "echo $A"]
    assert found.spec.workdir() == "/x1"


def test_programs_of_containers(read: Read) -> None:
    """ENTRYPOINT and CMD in both forms."""
    found = read(FROM + 'ENTRYPOINT ["/start", "-x"]\nCMD ["a b"]\n')
    assert SetEntrypoint(argv=("/start", "-x")) in found.spec.steps
    assert SetCmd(argv=("a b",)) in found.spec.steps


def test_what_means_nothing_here_is_passed_over_with_a_note(read: Read) -> None:
    """LABEL, EXPOSE and their like."""
    with pytest.warns(UserWarning, match=r"passed over.*LABEL \(Dockerfile:2\), EXPOSE \(Dockerfile:3\)"):
        assert len(read(FROM + "LABEL a=b\nEXPOSE 80\nUSER root\n").spec.steps) == 2


@pytest.mark.parametrize(
    ("line", "capability"),
    [
        ("ADD git@github.com:owner/name.git /x", "add-git"),
        ("ADD https://github.com/owner/name.git#v1 /x", "add-git"),
        ("COPY --chmod=u+x x /x", "chmod"),
        ("COPY --parents x /x", "copy-parents"),
        ("RUN --mount=type=ssh git clone", "run-mount-ssh"),
        ("RUN --mount=type=cache,target=/x,from=base true", "run-mount-cache-from"),
        ("RUN --network=none true", "run-network"),
        ("RUN --security=insecure true", "run-security"),
        ("ONBUILD RUN true", "onbuild"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name_and_line(read: Read, line: str, capability: str) -> None:
    """Never silently, and with what to do instead."""
    with pytest.raises(CapabilityNotSupported, match=rf"image\.dockerfile\.{capability}.*Dockerfile:2:"):
        read(f"{FROM}{line}\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("RUN true", "Dockerfile:1: RUN comes before the first FROM"),
        ("", "has no FROM"),
        (FROM + "INSTALL x", "Dockerfile:2: there is no instruction INSTALL"),
        (FROM + "ENV A='x", "Dockerfile:2: the quote ' is not closed"),
        (FROM + "ENV A=${X", "Dockerfile:2: .* is not \\${NAME}"),
        (FROM + "ENV A=1 B", "Dockerfile:2: ENV takes NAME=VALUE"),
        (FROM + "COPY x", "Dockerfile:2: COPY takes sources and a target"),
        (FROM + "SHELL bash", "Dockerfile:2: SHELL takes a list"),
        (FROM + "RUN <<EOF\ntrue\n", "Dockerfile:2: the heredoc EOF has no line 'EOF' at its end"),
        (FROM + "USER a b", "Dockerfile:2: USER takes NAME"),
        (FROM + "COPY --from=scratch /a /b", "Dockerfile:2: COPY --from=scratch"),
        (FROM + "COPY --from=a <<EOF /b\nEOF\n", "Dockerfile:2: COPY --from= takes no heredocs"),
        (FROM + "RUN --mount=type=cache true", "Dockerfile:2: --mount=type=cache needs target="),
        (FROM + "RUN --mount=type=secret true", "Dockerfile:2: --mount=type=secret needs id="),
        (FROM + "RUN --mount=type=tmpfs,target=/t,size=much true", "Dockerfile:2: size=much is no number"),
        (FROM + "RUN --mount=type=cache,target=/t,sharing=x true", "Dockerfile:2: sharing=x is none of"),
        (FROM + "RUN --mount=type=secret,id=a,mode=rw true", "Dockerfile:2: the mode 'rw' is not octal"),
        (FROM + "ADD --checksum=md5:1 http://127.0.0.1:1/x /x", "Dockerfile:2: --checksum=md5:1 is not sha256"),
    ],
)
def test_mistakes_name_their_line(read: Read, text: str, words: str) -> None:
    """As far as they can be seen without building."""
    with pytest.raises(InvalidError, match=words):
        read(text)


def test_a_definition_reads_nothing(tmp_path: Path, lowered: Lower) -> None:
    """A Dockerfile may be written after its image was defined; one that is absent is an error when the app starts."""
    image = Image.from_dockerfile(tmp_path / "Dockerfile")
    with pytest.raises(NotFoundError, match="Dockerfile cannot be read"):
        lowered(image)
    (tmp_path / "Dockerfile").write_text(FROM)
    assert lowered(image).spec.base.python == "3.11"


def test_lines_on_top_of_an_image(tmp_path: Path, lowered: Lower) -> None:
    """dockerfile_commands knows what came before it, and files under names of their own."""
    (tmp_path / "local.toml").write_text("x")
    image = (
        Image.debian_slim()
        .env({"WHERE": "/srv"})
        .dockerfile_commands(
            ["WORKDIR $WHERE", "COPY /given.toml ."],
            "RUN one && \\\n two",
            context_files={"/given.toml": tmp_path / "local.toml"},
        )
        .run_commands("three")
    )
    found = lowered(image)
    assert found.files() == {"/srv/given.toml": b"x"}
    assert commands(found) == ["one &&  two", "three"]
    assert SetWorkdir(path="/srv") in found.spec.steps
    with pytest.raises(InvalidError, match="FROM belongs into a file"):
        lowered(Image.debian_slim().dockerfile_commands("FROM debian"))


def test_shell_of_an_image(lowered: Lower) -> None:
    """It runs later run_commands, not earlier ones."""
    image = Image.debian_slim().run_commands("one").shell(["/bin/bash", "-c"]).run_commands("echo $0")
    assert commands(lowered(image)) == ["one", "/bin/bash -c 'echo $0'"]
    with pytest.raises(InvalidError, match="must be a list of text, not 'bash'"):
        Image.debian_slim().shell("bash")  # type: ignore[arg-type]


def test_secrets_are_names_in_specs(read: Read, lowered: Lower) -> None:
    """Values are beside the spec, under a name that is the same in every session; equal names do not clash."""
    first, second = (intermodal.Secret.from_dict({"TOKEN": value}) for value in ("hunter2", "hunter3"))
    image = Image.debian_slim().run_commands("a", secrets=[first]).pip_install("b", secrets=[second])
    found = lowered(image)
    assert "hunter" not in repr(found.spec)
    assert [found.secrets[name]["TOKEN"] for name in found.spec.secrets()] == ["hunter2", "hunter3"]
    assert lowered(image).spec == found.spec
    run = read(FROM + "RUN use it\n", secrets=[first], env={"A": "1"}).spec.steps[1]
    assert isinstance(run, RunCommands)
    assert (run.env, len(run.secrets)) == ((("A", "1"),), 1)
