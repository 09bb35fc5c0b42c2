"""Forms that browsers send."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

from intermodal.exception import InvalidError

__all__ = ["form_of"]

#: Bytes, and fields.
_MOST, _FIELDS = 64 << 10, 100


async def form_of(request: Request) -> dict[str, str]:
    """The fields of what was sent, none where there is nothing. Raises `InvalidError`."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST:
            raise InvalidError(f"the form has more than {_MOST} bytes")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS))
    except ValueError:
        raise InvalidError("the form cannot be read: it is no text, or has too many fields") from None
