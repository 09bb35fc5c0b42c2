"""What `gpu=` accepts, and the older `gpu.H100(count=2)` objects (gpu.request)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from intermodal.client.shown import shown
from intermodal.definitions.spellings import older
from intermodal.exception import InvalidError
from intermodal.specs import GpuChoice, GpuRequest

__all__ = ["A10G", "A100", "H100", "H200", "KNOWN", "L4", "L40S", "T4", "Any", "parse_gpu"]

#: Canonical names. Backends report what they have under the same ones.
KNOWN = (
    "A10", "A100", "A100-40GB", "A100-80GB", "A10G", "A16", "A2", "A30", "A40", "A6000", "B200", "B300", "GB200",
    "GH200", "H100", "H200", "L4", "L40", "L40S", "P100", "RTX-4090", "RTX-5090", "RTX-6000-ADA", "RTX-PRO-6000",
    "T4", "V100",
)  # fmt: skip

_FORM = re.compile(r"\s*(?P<kind>[A-Za-z0-9-]+?)(?P<only>[!+]?)\s*(?::\s*(?P<count>-?\d+)\s*)?")


def parse_gpu(gpu: object) -> GpuRequest | None:
    """The request that `gpu=` means: "H100", "h100:4", "any", a list of these in order of preference, or None.

    As in Modal, "A100" may get either size, "H100" an H200 ("H100!" does not), and "B200+" a B300.

    Raises:
        InvalidError: an unknown name (the message lists the known ones) or a count below 1.
    """
    if gpu is None:
        return None
    if isinstance(gpu, (str, _Older)):
        return GpuRequest((_choice(gpu),))
    if isinstance(gpu, Sequence) and gpu:
        return GpuRequest(tuple(_choice(each) for each in gpu))
    raise InvalidError(
        f'gpu={shown(gpu)} is not understood: give a name such as "H100", "A100:2", "any", or a list of these'
    )


def _choice(gpu: object) -> GpuChoice:
    if isinstance(gpu, _Older):
        older(f"gpu.{type(gpu).__name__}(...)", f'gpu="{gpu}"')
        gpu = str(gpu)
    if not isinstance(gpu, str):
        raise InvalidError(f'a GPU is a name such as "H100" or "A100:2", not {shown(gpu)}')
    match = _FORM.fullmatch(gpu)
    if match is None:
        raise InvalidError(f'gpu={shown(gpu)} is not understood: write NAME or NAME:COUNT, as in "H100:4"')
    count = 1 if match["count"] is None else int(match["count"])
    if count < 1:
        raise InvalidError(f"gpu={shown(gpu)} asks for {count} devices: a count is at least 1")
    kind = match["kind"].upper()
    if kind == "ANY":
        return GpuChoice(None, count)
    if kind not in KNOWN:
        close = difflib.get_close_matches(kind, KNOWN, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ";"
        raise InvalidError(f"there is no GPU named {shown(match['kind'])}{hint} known are any, {', '.join(KNOWN)}")
    return GpuChoice(kind + match["only"], count)


@dataclass(frozen=True)
class _Older:
    count: int = 1

    def __str__(self) -> str:
        name = "any" if type(self) is Any else type(self).__name__
        return f"{name}:{self.count}" if self.count != 1 else name


class T4(_Older):
    """Older spelling of gpu="T4"."""


class L4(_Older):
    """Older spelling of gpu="L4"."""


class A10G(_Older):
    """Older spelling of gpu="A10G"."""


class L40S(_Older):
    """Older spelling of gpu="L40S"."""


class H100(_Older):
    """Older spelling of gpu="H100"."""


class H200(_Older):
    """Older spelling of gpu="H200"."""


class Any(_Older):
    """Older spelling of gpu="any"."""


@dataclass(frozen=True)
class A100(_Older):
    """Older spelling of gpu="A100-40GB" and gpu="A100-80GB"."""

    size: str | None = None

    def __str__(self) -> str:
        name = f"A100-{self.size.upper()}" if self.size else "A100"
        return f"{name}:{self.count}" if self.count != 1 else name
