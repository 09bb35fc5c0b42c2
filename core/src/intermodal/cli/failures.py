"""How a command that failed says so: our errors in a line, the user's as Python shows them, without our frames."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from intermodal.client.hiding import hide_known
from intermodal.client.strangers import written_out
from intermodal.exception import BackendError, ConfigError, Error

__all__ = ["report"]

_OURS = str(Path(__file__).parent.parent) + "/"
_HIDDEN = (
    "<frozen importlib",
    "/importlib/__init__.py",
    "/click/",
    "/cloudpickle/",
    "/contextlib.py",
    "/pathlib.py",
    "/asyncio/",
    "/sqlalchemy/",
    "/alembic/",
    "/concurrent/futures/",
)


def report(error: BaseException) -> int:
    """Show `error` on stderr; the exit code it means."""
    if isinstance(error, SystemExit):
        return _exit_code(error)
    if isinstance(error, KeyboardInterrupt):
        return int(getattr(error, "exit_code", 130))
    if isinstance(error, BrokenPipeError) and not _user_frames(error):
        return 1
    sys.stdout.flush()
    print(describe(error), file=sys.stderr, flush=True)
    return 1


def describe(error: BaseException) -> str:
    """What to show of `error`, without the values of secrets that this process has read, and without what the terminal
    would obey: messages may be a container's."""
    return written_out(hide_known(_described(error)))


def _described(error: BaseException) -> str:
    # A setting is wrong wherever it was read, and a backend fails in code of its own: their messages say what to do.
    explains_itself = isinstance(error, (ConfigError, BackendError))
    if explains_itself or (isinstance(error, Error) and not _user_frames(error) and _is_plain(error)):
        return f"error: {error}"
    shown = traceback.TracebackException.from_exception(error)
    _hide_ours(shown, set())
    if isinstance(error, SyntaxError) and not shown.stack and _is_plain(error):
        return "".join(shown.format_exception_only()).rstrip()
    text = "".join(shown.format(chain=True)).rstrip()
    return text.replace("intermodal.client.errors.RemoteTraceback: \n", "In the container:\n")


def _is_plain(error: BaseException) -> bool:
    """No remote traceback to show."""
    cause = error.__cause__
    return cause is None or type(cause).__name__ != "RemoteTraceback"


def _user_frames(error: BaseException) -> bool:
    return any(not _is_ours(frame.filename) for frame in traceback.extract_tb(error.__traceback__))


def _is_ours(filename: str) -> bool:
    return (
        filename.startswith(_OURS) or any(part in filename for part in _HIDDEN) or filename.endswith("/bin/intermodal")
    )


def _hide_ours(shown: traceback.TracebackException, seen: set[int]) -> None:
    """Drop our frames, from causes and contexts too."""
    if id(shown) in seen:
        return
    seen.add(id(shown))
    shown.stack[:] = [frame for frame in shown.stack if not _is_ours(frame.filename)]
    for other in (shown.__cause__, shown.__context__, *(shown.exceptions or ())):
        if other is not None:
            _hide_ours(other, seen)


def _exit_code(error: SystemExit) -> int:
    """As Python itself treats it: text goes to stderr and means 1."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code
    print(error.code, file=sys.stderr)
    return 1
