"""How warnings look on the command line: ours in a line, those about the user's file as Python shows a script's."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

from intermodal.exception import DeprecationWarning

__all__ = ["install"]

_OURS = str(Path(__file__).parent.parent) + "/"
_format = warnings.formatwarning


def install() -> None:
    """For this process. What `-W` and `PYTHONWARNINGS` say goes before."""
    if not sys.warnoptions:
        warnings.filterwarnings("default", category=DeprecationWarning)
    warnings.formatwarning = _format_ours_shortly


def _format_ours_shortly(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    if filename.startswith(_OURS):
        return f"warning: {message}\n"
    return _format(message, category, filename, lineno, line)
