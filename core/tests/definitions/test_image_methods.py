"""Methods of images that stand for several primitive steps (image.steps)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from intermodal import Image, Secret
from intermodal.exception import CapabilityNotSupported, InvalidError, NotFoundError
from intermodal.specs import (
    CopyFiles,
    PythonPackages,
    Registry,
    RunCommands,
    SetEntrypoint,
    content_hash,
    step_resources,
)

Lower = Callable[[Image], Any]
TOKEN = Secret.from_dict({"GITHUB_TOKEN": "hunter2"})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with a project's file."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\ndependencies = ["six"]\n')
    return tmp_path


def test_a_uv_project_is_its_files_and_a_command(project: Path, lowered: Lower) -> None:
    """Only pyproject.toml and uv.lock count, so that a change of code installs nothing again."""
    (project / "code.py").write_text("x = 1")
    image = Image.debian_slim().uv_sync(project, groups=["dev"], extras=["web"], secrets=[TOKEN], uv_version="0.9.0")
    tool, copied, run = lowered(image).spec.steps
    assert tool == PythonPackages(packages=("uv==0.9.0",))
    assert [entry.path for entry in copied.tree.entries] == ["pyproject.toml"]
    assert "--group=dev --extra=web" in run.commands[0]
    assert "--frozen" not in run.commands[0]
    assert run.secrets
    (project / "uv.lock").write_text("")
    assert "--frozen" in lowered(image).spec.steps[2].commands[0]
    assert "--frozen" not in lowered(Image.debian_slim().uv_sync(project, frozen=False)).spec.steps[2].commands[0]


def test_mistakes_with_projects(project: Path, lowered: Lower) -> None:
    """No project, a workspace, no lock file: each error says what is missing."""
    with pytest.raises(NotFoundError, match=r"nowhere/pyproject\.toml cannot be read"):
        lowered(Image.debian_slim().uv_sync(project / "nowhere"))
    with pytest.raises(NotFoundError, match=r"poetry\.lock: run `poetry lock`, or give ignore_lockfile=True"):
        lowered(Image.debian_slim().poetry_install_from_file(project / "pyproject.toml"))
    (project / "pyproject.toml").write_text("[tool.uv.workspace]\n")
    with pytest.raises(InvalidError, match="is a uv workspace"):
        lowered(Image.debian_slim().uv_sync(project))


def test_a_poetry_project(project: Path, lowered: Lower) -> None:
    """Poetry, then its files, then the installation into the image's own Python."""
    (project / "poetry.lock").write_text("")
    image = Image.debian_slim().poetry_install_from_file(project / "pyproject.toml", with_=["dev", "docs"])
    tool, copied, run = lowered(image).spec.steps
    assert tool == PythonPackages(packages=("poetry",))
    assert isinstance(copied, CopyFiles)
    assert isinstance(run, RunCommands)
    assert "--no-root --no-interaction --compile --with dev,docs" in run.commands[0]
    bare = Image.debian_slim().poetry_install_from_file(
        project / "pyproject.toml", ignore_lockfile=True, poetry_version=None
    )
    assert len(lowered(bare).spec.steps) == 2


def test_conda_packages_need_an_image_with_micromamba(lowered: Lower) -> None:
    """On debian_slim they are refused by name; `Image.micromamba` is an image of a registry."""
    with pytest.raises(CapabilityNotSupported, match=r"image\.micromamba_install.*begin with Image\.micromamba"):
        lowered(Image.debian_slim().micromamba_install("numpy"))
    spec = lowered(Image.micromamba("3.11").micromamba_install("numpy", channels=["conda-forge"])).spec
    assert isinstance(spec.base, Registry)
    assert spec.steps[-1].commands == ("micromamba install --yes -n base numpy -c conda-forge",)


def test_private_repositories_are_requirements_with_the_tokens_name(lowered: Lower) -> None:
    """The value is nowhere in the definition; without a secret, or of another host, they are refused at once."""
    image = Image.debian_slim().pip_install_private_repos("github.com/a/b@1", git_user="me", secrets=[TOKEN])
    (step,) = lowered(image).spec.steps
    assert step.requirements == "git+https://me:${GITHUB_TOKEN}@github.com/a/b@1"
    with pytest.raises(InvalidError, match="needs secrets"):
        Image.debian_slim().pip_install_private_repos("github.com/a/b", git_user="me")
    with pytest.raises(InvalidError, match=r"is not of github\.com or gitlab\.com"):
        Image.debian_slim().pip_install_private_repos("example.com/a/b", git_user="me", secrets=[TOKEN])


def test_registry_images_with_setup_lines_and_credentials(lowered: Lower) -> None:
    """Setup lines come first, whatever is chained later; credentials are a name."""
    image = Image.from_registry("owner/tool:1", TOKEN, setup_dockerfile_commands=["RUN one"], add_python="3.12")
    found = lowered(image.run_commands("two"))
    assert [step.commands[0] for step in found.spec.steps] == ["one", "two"]
    assert found.secrets[found.spec.base.secret] == {"GITHUB_TOKEN": "hunter2"}
    assert lowered(Image.from_aws_ecr("x.amazonaws.com/y:1", TOKEN)).spec.base.login == "aws"
    assert lowered(Image.from_gcp_artifact_registry("gcr.io/y:1", TOKEN)).spec.base.login == "gcp"
    for wrong in ("", "two words"):
        with pytest.raises(InvalidError, match="is no name of an image"):
            Image.from_registry(wrong)


def test_entrypoint_and_cmd(lowered: Lower) -> None:
    """The last one holds; [] takes away the base's."""
    spec = lowered(Image.debian_slim().entrypoint(["/a"]).cmd(["b"]).entrypoint([]).cmd(["c", "d"])).spec
    assert (spec.entrypoint(), spec.cmd()) == ((), ("c", "d"))
    assert SetEntrypoint(argv=("/a",)) in spec.steps
    assert lowered(Image.debian_slim()).spec.entrypoint() is None


def test_env_of_a_step_is_its_own(lowered: Lower) -> None:
    """Every step that runs something takes env= and secrets=."""
    given: dict[str, Any] = {"env": {"A": "1"}, "secrets": [TOKEN]}
    image = Image.debian_slim().pip_install("a", **given).apt_install("b", **given).run_commands("c", **given)
    image = image.run_function(print, **given).uv_pip_install("d", **given)
    found = lowered(image).spec
    assert [step.env for step in found.steps] == [(("A", "1"),)] * 5
    assert all(step.secrets == found.secrets() for step in found.steps)
    with pytest.raises(InvalidError, match=r"run_commands: secrets\[0\] must be an intermodal\.Secret, not text"):
        Image.debian_slim().run_commands("c", secrets=["x"])  # type: ignore[list-item]


@pytest.mark.parametrize("option", ["volumes", "timeout"])
def test_options_of_builds_that_nobody_can_follow_are_refused_by_name(option: str) -> None:
    """With what to do instead; unset, they do no harm."""
    with pytest.raises(CapabilityNotSupported, match=rf"image\.run_commands\.{option}"):
        Image.debian_slim().run_commands("x", **{option: "T4"})
    Image.debian_slim().run_commands("x", **{option: None})


def test_gpu_of_a_step_is_part_of_its_definition(lowered: Lower) -> None:
    """Every step that runs something takes it, RUN lines of Dockerfiles too; it makes another image."""
    given: dict[str, Any] = {"gpu": "t4:2"}
    image = Image.debian_slim().pip_install("a", **given).apt_install("b", **given).run_commands("c", **given)
    image = image.run_function(print, **given).uv_pip_install("d", **given).dockerfile_commands("RUN e", **given)
    found = lowered(image).spec
    assert [str(step_resources(step).gpu.choices[0]) for step in found.steps] == ["T4:2"] * 6  # type: ignore[union-attr]
    assert found.gpus()
    assert not lowered(Image.debian_slim().run_commands("c", gpu=None)).spec.gpus()
    plain, other = (lowered(Image.debian_slim().run_commands("c", gpu=gpu)).spec for gpu in (None, "any"))
    assert content_hash(plain) != content_hash(other)
    with pytest.raises(InvalidError, match=r"Image\.pip_install: there is no GPU named 'H101'"):
        Image.debian_slim().pip_install("a", gpu="H101")


def test_limits_of_a_step_are_part_of_its_definition(lowered: Lower) -> None:
    """A number, or (request, limit), of which the limit counts."""
    image = (
        Image.debian_slim().run_function(print, cpu=2, memory=512).run_commands("a", cpu=(0.5, 1.5), memory=(64, 96))
    )
    first, second = map(step_resources, lowered(image).spec.steps)
    assert (first.cpu, first.memory, first.gpu) == (2.0, 512, None)
    assert (second.cpu, second.memory) == (1.5, 96)
    for wrong in ({"cpu": 0}, {"cpu": "2"}, {"memory": 0.5}, {"memory": (512, 64)}):
        with pytest.raises(InvalidError, match=r"Image\.run_commands: (cpu|memory)(=| must be)"):
            Image.debian_slim().run_commands("a", **wrong)


def test_force_build_holds_for_the_step_and_those_after_it(lowered: Lower) -> None:
    """Not for those before."""
    image = Image.debian_slim().run_commands("a").run_commands("b", force_build=True).pip_install("c").env({"A": "1"})
    assert [getattr(step, "force", None) for step in lowered(image).spec.steps] == [False, True, True, None]
