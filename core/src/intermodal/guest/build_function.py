"""`python3 -m intermodal.guest.build_function ORDER`: one `Image.run_function` step, inside the image that is built.

ORDER is a JSON file: {"target": CodeTarget, "python_path": [...], "code": file or null, "arguments": file or null}.
`code` is a cloudpickle of the function, `arguments` a pickle (plain, or as a payload) of (args, kwargs).
"""

from __future__ import annotations

import inspect
import json
import pickle
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from intermodal.guest.errors import hint_missing_module
from intermodal.guest.loading import extend_path, load_target
from intermodal.guest.loops import run_in_loop
from intermodal.specs.codec import from_json
from intermodal.specs.function import CodeTarget
from intermodal.wire.payload import loads

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Run the step; 0, or 1 after its traceback was printed to stderr."""
    order = json.loads(Path(argv[0]).read_text())
    try:
        extend_path(order["python_path"])
        code = Path(order["code"]).read_bytes() if order.get("code") else b""
        function = load_target(from_json(CodeTarget, order["target"]), code)
        args, kwargs = _arguments(order.get("arguments"))
        value = function(*args, **kwargs)
        if inspect.isawaitable(value):
            run_in_loop(value)
    except Exception as error:  # noqa: BLE001 - user code may raise anything
        hint_missing_module(error)
        traceback.print_exc()
        return 1
    return 0


def _arguments(path: str | None) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if not path:
        return (), {}
    data = Path(path).read_bytes()
    # Protocols from 2 on begin with 0x80, payloads with a small form number.
    args, kwargs = pickle.loads(data) if data[:1] == b"\x80" else loads(data)
    return tuple(args), dict(kwargs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
