"""Asks plugins for the trace of each call."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pluggy

__all__ = ["tracer"]


def tracer(hook: pluggy.HookCaller) -> Callable[[str, str], str]:
    """What `intermodal_trace_call` says; the trace that came in where it says nothing, or has failed once."""
    failed = False

    def trace_call(call: str, trace: str) -> str:
        nonlocal failed
        if failed:
            return trace
        try:
            found = hook(call=call, trace=trace)
        except Exception as error:  # noqa: BLE001 - whatever a plugin does wrong must not end the run
            failed = True
            said = f"{type(error).__name__}: {error}"
            print(f"intermodal: intermodal_trace_call failed, so nothing is traced any more: {said}", file=sys.stderr)
            return trace
        return trace if found is None else str(found)

    return trace_call
