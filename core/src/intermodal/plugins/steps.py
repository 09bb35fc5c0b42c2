"""Steps of images, for builders: what each is called, which capability it needs, how pip and uv are told."""

from __future__ import annotations

from typing import Literal

from intermodal.specs import (
    AddArchive,
    CopyFiles,
    CopyFrom,
    DebianSlim,
    ImageBase,
    ImageSpec,
    ImageStep,
    PythonPackages,
    Registry,
    RunCommands,
    RunFunction,
    Scratch,
    SetCmd,
    SetEntrypoint,
    SetEnv,
    SetUser,
    SetWorkdir,
    SystemPackages,
    step_resources,
)

__all__ = [
    "base_capability",
    "base_title",
    "image_capabilities",
    "install_options",
    "step_capability",
    "step_title",
]

_LENGTH = 72


def base_title(base: ImageBase) -> str:
    """A line for people."""
    match base:
        case DebianSlim():
            return f"debian_slim {base.python}"
        case Registry():
            return _short(f"from_registry {base.tag}" + (f" with Python {base.python}" if base.add_python else ""))
        case Scratch():
            return "from_scratch"


def base_capability(base: ImageBase) -> str | None:
    """The name of what a backend must be able to do for `base`; None for what every backend can."""
    match base:
        case DebianSlim():
            return None
        case Registry():
            return "image.from_registry"
        case Scratch():
            return "image.from_scratch"


def image_capabilities(image: ImageSpec) -> list[str]:
    """The names of what a backend must be able to do for `image`, in the order in which it needs them.

    "image.python_version" is not among them: whether a version is another one than the backend's only it knows.
    """
    names: list[str | None] = []
    for each in (*image.sources(), image):
        names += [base_capability(each.base), *map(step_capability, each.steps)]
        names += ["image.mounts" for step in each.steps if isinstance(step, RunCommands) and step.mounts]
    steps = [step for each in (*image.sources(), image) for step in each.steps]
    asked = {
        "image.secrets": bool(image.secrets()),
        "image.gpu": image.gpus(),
        "image.cpu": any(step_resources(step).cpu is not None for step in steps),
        "image.memory": any(step_resources(step).memory is not None for step in steps),
    }
    return [*dict.fromkeys(filter(None, names)), *(name for name, needed in asked.items() if needed)]


def step_title(step: ImageStep) -> str:
    """A line for people. Values of environment variables are left out: they may be nobody's business."""
    match step:
        case PythonPackages():
            words = [*step.packages, *(["requirements"] if step.requirements else [])]
            return _short(f"{'uv_pip_install' if step.tool == 'uv' else 'pip_install'} {' '.join(words)}")
        case SystemPackages():
            return _short(f"apt_install {' '.join(step.packages)}")
        case RunCommands():
            more = f" (and {len(step.commands) - 1} more)" if len(step.commands) > 1 else ""
            return _short(f"run_commands {step.commands[0] if step.commands else ''}", _LENGTH - len(more)) + more
        case RunFunction():
            return _short(f"run_function {step.target.module}.{step.target.qualname}")
        case CopyFiles():
            count = len(step.tree.entries)
            if not count:
                return _short(f"make the directory {step.target}")
            return _short(f"copy {count} file{'s' if count != 1 else ''} to {step.target}")
        case CopyFrom():
            return _short(f"copy {' '.join(step.paths)} of {_base_name(step.source)} to {step.target}")
        case AddArchive():
            return _short(f"unpack {step.name} to {step.target}")
        case SetEnv():
            return _short(f"env {', '.join(name for name, _ in step.variables)}")
        case SetWorkdir():
            return _short(f"workdir {step.path}")
        case SetUser():
            return _short(f"user {step.user or 'root'}")
        case SetEntrypoint():
            return _short(f"entrypoint {' '.join(step.argv)}")
        case SetCmd():
            return _short(f"cmd {' '.join(step.argv)}")


def _base_name(image: ImageSpec) -> str:
    return "another stage" if image.steps else base_title(image.base)


def step_capability(step: ImageStep) -> str | None:
    """The name of what a backend must be able to do for `step`; None for what every backend can."""
    match step:
        case PythonPackages():
            return "image.pip_install"
        case SystemPackages():
            return "image.apt_install"
        case RunCommands():
            return "image.run_commands"
        case RunFunction():
            return "image.run_function"
        case CopyFiles() | AddArchive():
            return "image.copy"
        case CopyFrom():
            return "image.stages"
        case SetUser():
            return "image.user" if step.user else None
        case SetEntrypoint():
            return "image.entrypoint" if step.argv else None
        case SetEnv() | SetWorkdir() | SetCmd():
            return None


def install_options(step: PythonPackages, tool: Literal["pip", "uv"], requirements: str) -> list[str]:
    """What stands behind `pip install` or `uv pip install`: what to install, from where.

    Args:
        step: what the user asked for.
        tool: whose words; any of the two may serve any step.
        requirements: where the builder has put the text `step.requirements`, if there is one.
    """
    uv = tool == "uv"
    words = []
    if step.index_url:
        words += ["--default-index" if uv else "--index-url", step.index_url]
    for url in step.extra_index_urls:
        words += ["--index" if uv else "--extra-index-url", url]
    if uv and step.extra_index_urls and step.tool == "pip":
        # pip takes the best of all indexes, uv by itself the first that has the package.
        words += ["--index-strategy", "unsafe-best-match"]
    if step.find_links:
        words += ["--find-links", step.find_links]
    if step.pre:
        words += ["--prerelease", "allow"] if uv else ["--pre"]
    words += step.extra_options
    if step.requirements is not None:
        words += ["-r", requirements]
    return [*words, *(["--", *step.packages] if step.packages else [])]


def _short(text: str, length: int = _LENGTH) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"
