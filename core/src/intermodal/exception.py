"""Every error that Intermodal raises on purpose. All derive from :class:`Error`, but for `InputCancellation`.

The names follow Modal's `modal.exception`, so that ported code keeps its `except` clauses.
"""

from __future__ import annotations

import builtins
import re

__all__ = [
    "AlreadyExistsError",
    "BackendError",
    "BackendNotFoundError",
    "CapabilityNotSupported",
    "ConfigError",
    "ConnectionError",
    "ContainerLostError",
    "ContainerStartError",
    "DamagedBlobError",
    "DeprecationWarning",
    "DeserializationError",
    "Error",
    "ExecutionError",
    "FunctionTimeoutError",
    "ImageBuildError",
    "InputCancellation",
    "InputCancelledError",
    "InvalidError",
    "NotFoundError",
    "OutOfMemoryError",
    "OutputExpiredError",
    "PluginError",
    "RemoteError",
    "ResourceExhaustedError",
    "SandboxTerminatedError",
    "SandboxTimeoutError",
    "SerializationError",
    "TimeoutError",
    "VersionError",
]


class Error(Exception):
    """Base of all errors of this framework."""


class InvalidError(Error):
    """The program asks for something that can never work; the message says what to write instead."""


class ConfigError(Error):
    """A configuration value cannot be used; the message names the value and where it came from."""


class PluginError(Error):
    """A plugin could not be loaded, or implements a hook wrongly."""


class BackendError(Error):
    """The backend failed at its own work: a container could not be started, an engine went away."""


class DamagedBlobError(BackendError):
    """Stored bytes do not fit the hash that names them; the message names the blob. `intermodal storage verify` finds
    every such one."""


class BackendNotFoundError(PluginError):
    """No installed distribution provides the chosen backend."""


class CapabilityNotSupported(Error):
    """The chosen backend cannot do what the program asks; `capability` names it."""

    def __init__(self, capability: str, backend: str = "", hint: str = "") -> None:
        self.capability = capability
        self.backend = backend
        self.hint = hint
        who = f"backend {backend!r}" if backend else "this backend"
        super().__init__(f"{who} does not support {capability!r}" + (f": {hint}" if hint else ""))

    @classmethod
    def from_message(cls, message: str) -> CapabilityNotSupported:
        """The one that said so elsewhere."""
        found = _NOT_SUPPORTED.fullmatch(message)
        return cls(message) if found is None else cls(found["capability"], found["backend"] or "", found["hint"] or "")

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.capability, self.backend, self.hint)


#: How such a message is made.
_NOT_SUPPORTED = re.compile(
    r"(?:this backend|backend '(?P<backend>[^']*)') does not support '(?P<capability>[^']*)'(?:: (?P<hint>.*))?",
    re.DOTALL,
)


class NotFoundError(Error):
    """A named thing (app, function, queue, dict, call) does not exist."""


class AlreadyExistsError(Error):
    """A named thing exists already."""


class ExecutionError(Error):
    """Something failed while running; also stands in for a remote exception whose type cannot be rebuilt
    (call.errors)."""


class RemoteError(Error):
    """The control plane refused or failed a request."""


class ConnectionError(Error):
    """The connection to the control plane or to a container broke."""


class VersionError(Error):
    """The two ends speak different versions of the protocol, or of Python where that matters."""


class SerializationError(Error):
    """A value cannot be pickled; the message names it (call.identity)."""


class DeserializationError(Error):
    """A value that arrived cannot be unpickled here (call.errors)."""


class TimeoutError(Error):
    """Base of all timeouts of this framework. It is not the builtin `TimeoutError` (call.spawn)."""


class FunctionTimeoutError(TimeoutError):
    """An input ran longer than its function's `timeout` (call.timeout)."""


class SandboxTimeoutError(TimeoutError):
    """The sandbox lasted longer than its `timeout` (sandbox.end)."""


class SandboxTerminatedError(Error):
    """The sandbox was ended from outside, or its container was lost (sandbox.end)."""


class OutputExpiredError(TimeoutError):
    """The outputs of this call are no longer kept (call.spawn)."""


class InputCancelledError(Error):
    """The input was cancelled before it had a result (conc.cancel)."""


class ImageBuildError(Error):
    """A step of an image failed; the message has its number and its output (image.immutable)."""


class ContainerStartError(Error):
    """A container could not start or its `enter` method failed (cls.enter-fails)."""


class ContainerLostError(Error):
    """The container died under its inputs more often than the infrastructure budget allows (retry.poison)."""


class OutOfMemoryError(ContainerLostError):
    """The container exceeded its memory limit; the message has limit and peak (retry.poison)."""


class ResourceExhaustedError(Error):
    """A resource request can never be met, or disk or memory ran out (scale.resources)."""


class InputCancellation(BaseException):
    """Raised inside a running sync input when it is cancelled (conc.cancel). Not an `Exception`, so user code lets
    it pass."""


class DeprecationWarning(builtins.DeprecationWarning):
    """An older spelling was used; the message has the new one."""
