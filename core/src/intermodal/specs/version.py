"""The version of the rules."""

from __future__ import annotations

__all__ = ["SPEC_VERSION"]

#: The version of the rules that this core keeps (docs/spec.md). A verdict of the conformance suite names it.
SPEC_VERSION = "0.1"
