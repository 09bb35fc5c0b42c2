"""`python3 -m intermodal.guest.build_function ORDER`: run one function of the user's while an image is built.

ORDER is a JSON file: `target` (a CodeTarget), `python_path`, and the files `code` (a cloudpickle of the function) and
`arguments` (a pickle of args and kwargs), either of which may be null.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pickle
import sys
import traceback
from pathlib import Path
from typing import Any

from intermodal.guest.errors import hint_missing_module
from intermodal.guest.loading import extend_path, load_target
from intermodal.guest.loops import run_in_loop
from intermodal.specs.codec import from_json
from intermodal.specs.function import CodeTarget

__all__ = ["main"]


def main(order: dict[str, Any]) -> int:
    """Import, call, print the traceback of a failure; the exit code."""
    try:
        extend_path(order["python_path"])
        found = load_target(from_json(CodeTarget, order["target"]), _read(order["code"]))
        function = found if inspect.isroutine(found) else _undecorated(found)
        data = _read(order["arguments"])
        args, kwargs = pickle.loads(data) if data else ((), {})
        value = function(*args, **kwargs)
        if inspect.isawaitable(value):
            run_in_loop(value)
    except Exception as error:  # noqa: BLE001 - whatever user code raises ends the step
        hint_missing_module(error)
        traceback.print_exc()
        return 1
    return 0


def _read(path: str | None) -> bytes:
    return Path(path).read_bytes() if path else b""


def _undecorated(found: Any) -> Any:
    return importlib.import_module("intermodal.definitions.binding").resolve(found)


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text())))
