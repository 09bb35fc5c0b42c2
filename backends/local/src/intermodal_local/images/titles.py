"""A step in a few words, for progress and errors, and the capability it needs."""

from __future__ import annotations

from intermodal.specs import (
    CopyFiles,
    ImageStep,
    PythonPackages,
    RunCommands,
    RunFunction,
    SetEnv,
    SetWorkdir,
    SystemPackages,
)

__all__ = ["capability", "title"]

_LENGTH = 72


def title(step: ImageStep) -> str:
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
            return _short(f"copy {count} file{'s' if count != 1 else ''} to {step.target}")
        case SetEnv():
            return _short(f"env {', '.join(name for name, _ in step.variables)}")
        case SetWorkdir():
            return _short(f"workdir {step.path}")


def capability(step: ImageStep) -> str | None:
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
        case CopyFiles():
            return "image.copy"
        case SetEnv() | SetWorkdir():
            return None


def _short(text: str, length: int = _LENGTH) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"
