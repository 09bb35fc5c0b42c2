"""The first frame: what this guest is to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from intermodal.exception import VersionError
from intermodal.guest.channel import Frame
from intermodal.specs.codec import from_json
from intermodal.specs.function import CodeTarget, MethodSpec
from intermodal.wire.frame import FrameError, FrameReader
from intermodal.wire.messages import PROTOCOL

__all__ = ["Boot", "parse", "parse_bytes"]


@dataclass(frozen=True)
class Boot:
    """What the host asks for. `code` is a cloudpickle of the function or class, or empty; `parameters`
    are the class's values (`specs.parameters`), or empty; `secrets` the environment's variables whose values are."""

    container: str
    app: str
    name: str
    key: str
    target: CodeTarget
    is_class: bool
    methods: tuple[MethodSpec, ...]
    max_inputs: int
    snapshot: bool
    shared_memory: bool
    secrets: tuple[str, ...]
    code: bytes
    parameters: bytes


def parse(frame: Frame) -> Boot:
    """Raises `VersionError` for a host of another protocol, `FrameError` for anything malformed."""
    header, segments = frame
    if header["t"] != "boot":
        raise FrameError(f"the first frame is {header['t']!r}, not 'boot'")
    if header.get("protocol") != PROTOCOL:
        raise VersionError(
            f"the host speaks protocol {header.get('protocol')} and this container {PROTOCOL}: rebuild the container "
            "with the host's version of intermodal"
        )
    try:
        return Boot(
            container=header["container"],
            app=header["app"],
            name=header["name"],
            key=header["key"],
            target=from_json(CodeTarget, header["target"]),
            is_class=bool(header["is_class"]),
            methods=tuple(from_json(MethodSpec, method) for method in header["methods"]),
            max_inputs=int(header["max_inputs"]),
            snapshot=bool(header.get("snapshot", False)),
            shared_memory=bool(header.get("shared_memory", True)),
            secrets=tuple(map(str, header.get("secrets", ()))),
            code=segments[0],
            parameters=segments[1],
        )
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise FrameError(f"malformed boot frame: {type(error).__name__}: {error}") from error


def parse_bytes(data: bytes) -> Boot:
    """The same from a complete encoded frame."""
    frames: list[Any] = FrameReader().feed(data)
    if len(frames) != 1:
        raise FrameError("the boot frame is incomplete")
    return parse(frames[0])
