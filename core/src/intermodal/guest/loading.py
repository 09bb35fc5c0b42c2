"""Finding the user's code in the container: by module and qualified name, or out of a cloudpickle."""

from __future__ import annotations

import importlib
import pickle
import sys
from collections.abc import Sequence
from typing import Any

from intermodal.exception import DeserializationError, VersionError
from intermodal.specs.function import CodeTarget

__all__ = ["definitions", "extend_path", "load_target", "preload"]


def definitions(module: str) -> Any:
    """A module of the room of definitions. By name and late: it is only needed to look behind what users decorated."""
    return importlib.import_module(f"intermodal.definitions.{module}")


def preload() -> None:
    """Import all that `import intermodal` offers: every user's module does, and it is most of what its import costs."""
    offered = importlib.import_module("intermodal")
    for name in offered.__all__:
        getattr(offered, name)


def extend_path(python_path: Sequence[str]) -> None:
    """Put the user's directories first on `sys.path`, in order."""
    sys.path[:] = [*python_path, *(entry for entry in sys.path if entry not in python_path)]
    importlib.invalidate_caches()


def load_target(target: CodeTarget, code: bytes) -> Any:
    """The raw function or class.

    Raises what the user's module raises, `InvalidError` where the name is not there, `VersionError` where a pickle
    is of another Python, `DeserializationError` where it cannot be opened.
    """
    resolve = definitions("binding").resolve
    if code:
        return resolve(_unpickle(target, code))
    module = importlib.import_module(target.module)
    if target.main:
        # As multiprocessing does: what was pickled as `__main__.X` at the other end is this module's X.
        sys.modules["__main__"] = module
    return resolve(module, target.qualname)


def _unpickle(target: CodeTarget, code: bytes) -> Any:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if target.python is not None and target.python != here:
        raise VersionError(
            f"{target.qualname!r} was pickled by Python {target.python}, and the container has {here}: code "
            f"without a source file needs the same version at both ends, so use an image with {target.python} or "
            "put the code into a file"
        )
    try:
        return pickle.loads(code)
    except ModuleNotFoundError:
        raise
    except Exception as error:
        raise DeserializationError(
            f"{target.qualname!r} cannot be unpickled in the container: {type(error).__name__}: {error}"
        ) from error
