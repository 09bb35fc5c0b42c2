"""Exceptions of user code as ERROR payloads: type, message, traceback text, and the exception where it survives."""

from __future__ import annotations

import importlib
import os
import pickle
import sys
import traceback
from collections.abc import Iterable, Sequence
from typing import Any

from intermodal.client.errors import Revival
from intermodal.client.hiding import Hiding
from intermodal.wire import raised
from intermodal.wire.payload import Payload
from intermodal.wire.raised import Raised

__all__ = ["describe", "encode", "hide", "hint_missing_module"]

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
#: Where frames are that say nothing to users: this package, the cloudpickle beside it, and what imports modules.
_OURS = (
    _PACKAGE + os.sep,
    os.path.join(os.path.dirname(_PACKAGE), "cloudpickle") + os.sep,
    importlib.__file__ or "<frozen importlib",
    "<frozen importlib",
)

#: Import names whose distribution has another name.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


_hiding = Hiding(())


def hide(variables: Iterable[str]) -> None:
    """From now on the values that these variables of the environment have leave this container in no error
    (secret.*)."""
    global _hiding
    _hiding = Hiding(os.environ.get(name, "") for name in variables)


def encode(error: BaseException) -> Payload:
    """The ERROR payload of `error` (call.errors)."""
    return raised.encode(describe(error))


def describe(error: BaseException) -> Raised:
    """What an ERROR payload holds: reading it needs none of the user's types."""
    hint_missing_module(error)
    kind = type(error)
    return Raised(
        error=kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}",
        message=_hiding.hide(_message(error)),
        traceback=_hiding.hide(_traceback(error)),
        exception=_pickled(error),
    )


def hint_missing_module(error: BaseException) -> None:
    """Add to a `ModuleNotFoundError` which image method brings the module (image.environment)."""
    if not isinstance(error, ModuleNotFoundError) or not error.name or not error.args:
        return
    top = error.name.partition(".")[0]
    if "this container's image" in str(error.msg) or (top in sys.modules and top != error.name):
        return
    package = _DISTRIBUTIONS.get(top, top)
    message = (
        f"module {error.name!r} is not in this container's image; add .pip_install({package!r}) to the image, "
        f"or .add_local_python_source({top!r}) where it is your own code"
    )
    error.msg = message
    error.args = (message, *error.args[1:])


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - a user's __str__ may do anything
        return f"<str() of the exception failed: {type(broken).__name__}>"


def _traceback(error: BaseException) -> str:
    try:
        whole = traceback.TracebackException.from_exception(error)
        _without_ours(whole, set())
        return "".join(whole.format())
    except Exception as broken:  # noqa: BLE001 - a broken exception must not hide the error
        return f"{type(error).__name__}: {_message(error)} (its traceback cannot be shown: {type(broken).__name__})\n"


def _without_ours(error: traceback.TracebackException, seen: set[int]) -> None:
    """Leave out our own frames, in the whole chain."""
    if id(error) in seen:
        return
    seen.add(id(error))
    error.stack[:] = [frame for frame in error.stack if not frame.filename.startswith(_OURS)]
    parts: Sequence[Any] = getattr(error, "exceptions", None) or ()
    for part in (error.__cause__, error.__context__, *parts):
        if part is not None:
            _without_ours(part, seen)


def _pickled(error: BaseException) -> bytes | None:
    """The exception, where it comes out of its pickle as the same type saying the same; else None. One that tells a
    secret comes out without it."""
    message = _message(error)
    hidden = _hiding.hide_in((message, error.args, error.__dict__))
    if hidden == (message, error.args, error.__dict__):
        ways: tuple[object, ...] = (error, Revival(error))
    else:
        message = hidden[0]
        ways = (Revival(error, *hidden[1:]),)
    forms = ((pickler, form) for form in ways for pickler in (_plain, _by_value))
    for pickler, form in forms:
        try:
            data = pickler(form)
            again = pickle.loads(data)
        except Exception:  # noqa: BLE001 - a broken exception must not hide the error
            continue
        if type(again) is type(error) and _message(again) == message:
            return data
    return None


def _plain(value: object) -> bytes:
    return pickle.dumps(value, 5)


def _by_value(value: object) -> bytes:
    import cloudpickle

    return bytes(cloudpickle.dumps(value, 5))
