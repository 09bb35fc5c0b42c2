"""What went wrong in a step, in words that say what to do."""

from __future__ import annotations

from intermodal.plugins.building import hint_for
from intermodal_local.images.run import StepFailed

__all__ = ["no_space", "step_failed"]


def step_failed(where: str, error: StepFailed) -> str:
    """The message of an `ImageBuildError`: the exit code, the last lines of output, and a hint where one fits."""
    text = "\n".join(error.lines)
    lines = "".join(f"\n    {line}" for line in error.lines) or "\n    (it printed nothing)"
    hint = hint_for(text)
    return f"{where} failed with exit code {error.code}. Its last output:{lines}" + (f"\n{hint}" if hint else "")


def no_space(where: str, place: str) -> str:
    """The message for a full disk."""
    return f"{where} failed: no space left on the disk of {place}. {hint_for('no space left on device')}"
