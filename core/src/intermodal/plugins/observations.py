"""What observers are told: small frozen records, fed to the observer hooks in batches.

`at` is always Unix seconds. `function` is the name people know (`Function.name`), `call` and `container` are ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

__all__ = [
    "OBSERVATIONS",
    "CallFinished",
    "CallProgress",
    "CallStarted",
    "ContainerExited",
    "ContainerStarted",
    "DeploymentChanged",
    "ImageFinished",
    "ImageOutput",
    "ImageStarted",
    "ImageStep",
    "InputFailed",
    "LogLine",
    "Metric",
    "Notice",
    "ObservationKind",
]

#: Each kind is the observer hook `intermodal_KIND`.
ObservationKind = Literal[
    "call_started",
    "call_progress",
    "call_finished",
    "input_failed",
    "container_started",
    "container_exited",
    "image_started",
    "image_step",
    "image_output",
    "image_finished",
    "log",
    "metric",
    "notice",
    "deployment_changed",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStarted:
    """A call was accepted. `parent` is the call that made it from inside a container; `trace` the trace it was made in,
    and `inside` the one that what runs in it is in (`intermodal_trace_call`); "" for none.
    """

    call: str
    app: str
    function: str
    at: float
    parent: str | None = None
    trace: str = ""
    inside: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallProgress:
    """Where a call stands now, said a few times a second while it changes. `total` is None until its last input is
    known.
    """

    call: str
    app: str
    function: str
    done: int
    failed: int = 0
    running: int = 0
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFinished:
    """Every input of the call has its recorded end."""

    call: str
    app: str
    function: str
    at: float
    succeeded: int
    failed: int = 0
    cancelled: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFailed:
    """An input ended as failed: it raised on its last try, took too long, lost its container, could never start.

    Attributes:
        input: its index in the call.
        count: 1; more where others of the call ended with it for the same reason, none of which ever ran.
        attempt: which try that was, from 1; 0 where it never ran.
        container: that of the last try.
        error: the exception's type, with its module unless it is a builtin; for failures of Intermodal's own a name of
            `intermodal.exception`.
        message: its text, in at most 16 Ki characters.
        traceback: the text that Python prints, causes included, in at most 64 Ki characters, the last ones; "" for
            failures of Intermodal's own.
        parent: the call that made the call from inside a container.
        detached: the call was spawned, deployed or scheduled, so that perhaps nobody asks for the result.
    """

    call: str
    app: str
    function: str
    at: float
    input: int
    error: str
    message: str
    traceback: str = ""
    count: int = 1
    attempt: int = 0
    container: str | None = None
    parent: str | None = None
    detached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerStarted:
    """A container takes inputs. `start_s` is the seconds from its launch until then; `gpu` the choice it got."""

    container: str
    app: str
    function: str
    at: float
    start_s: float = 0.0
    gpu: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerExited:
    """A container is gone. `cause`, `code` and `detail` are those of `intermodal.plugins.ContainerExit`; `asked` says
    that it was killed on purpose: it was not wanted any more, or would not stop.
    """

    container: str
    app: str
    function: str
    at: float
    cause: str
    code: int | None = None
    detail: str = ""
    asked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageStarted:
    """An image is being built, or looked up in the cache. `image` is its content hash, `functions` are those that wait
    for it.
    """

    image: str
    at: float
    functions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageStep:
    """Step `number` of `total`, counted from 1, begins; `cached` where its layer exists already."""

    image: str
    number: int
    total: int
    title: str
    cached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOutput:
    """One line that the running step printed."""

    image: str
    number: int
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFinished:
    """The image is launchable, or `error` says why it is not."""

    image: str
    at: float
    seconds: float
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One complete line from a container, without its end of line; undecodable bytes are surrogate escapes
    (log.lines).

    `call` and `input`, an index, are whose line it is, as far as that is known: what programs print past Python, to the
    raw descriptors, and what several inputs of a batch print together has no input.

    `fields` is the JSON object that the line is, or ends with after a prefix (`INFO:name:{…}`); observers get it, who
    makes a line does not set it.
    """

    app: str
    function: str
    container: str
    stream: Literal[1, 2]
    text: str
    at: float
    call: str | None = None
    input: int | None = None
    fields: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One value of a time series, from a `METRIC name=value[unit]` line or from a plugin."""

    name: str
    value: float
    at: float
    unit: str = ""
    app: str = ""
    function: str = ""
    container: str = ""
    call: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that a person may want to read: waiting for a GPU, an input that is tried again."""

    level: Literal["info", "warning"]
    message: str
    at: float
    app: str = ""
    function: str = ""
    container: str = ""
    call: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentChanged:
    """A version of a deployed app moved to `state`."""

    app: str
    version: int
    state: Literal["building", "starting", "active", "draining", "stopped", "failed"]
    at: float
    detail: str = ""


#: The record that each kind carries, in the order of `ObservationKind`.
OBSERVATIONS: dict[str, type[Any]] = dict(
    zip(
        get_args(ObservationKind),
        (
            CallStarted,
            CallProgress,
            CallFinished,
            InputFailed,
            ContainerStarted,
            ContainerExited,
            ImageStarted,
            ImageStep,
            ImageOutput,
            ImageFinished,
            LogLine,
            Metric,
            Notice,
            DeploymentChanged,
        ),
        strict=True,
    )
)
