"""What one result says. The engine decides by it and the wire carries it, so that it stands where both may look."""

from __future__ import annotations

__all__ = ["CANCELLED", "ERROR", "GENERATOR_END", "ITEM", "OK"]

#: A value, an exception, one yield of a generator, its normal end (without a payload), an interrupted input.
#: The numbers travel: changing one changes the protocol.
OK, ERROR, ITEM, GENERATOR_END, CANCELLED = range(5)
