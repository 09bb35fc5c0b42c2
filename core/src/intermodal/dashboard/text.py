"""Text of strangers, made harmless to look at."""

from __future__ import annotations

from markupsafe import Markup

from intermodal.client.strangers import written_out

__all__ = ["harmless"]


def harmless(value: object) -> object:
    """The same, `written_out`; what is no text, and markup of ours, as it is."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return written_out(value)
