"""What a call is to run, as bytes to keep."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from intermodal.wire.frame import FrameReader, encode

__all__ = ["digest_of", "packed", "unpacked"]


def packed(parameters: bytes, inputs: Sequence[bytes]) -> bytes:
    """The parameters of a class and the inputs, of which there may be any number."""
    return b"".join(encode({"t": "kept", "sizes": list(map(len, inputs))}, (parameters, b"".join(inputs))))


def unpacked(request: bytes) -> tuple[bytes, list[bytes]]:
    """What `packed` was given."""
    ((header, (parameters, whole)),) = FrameReader().feed(request)
    inputs, start = [], 0
    for size in header["sizes"]:
        inputs.append(whole[start : start + size])
        start += size
    return parameters, inputs


def digest_of(app: str, function: str, method: str, options: str, request: bytes) -> str:
    """What tells one call from another under the same id."""
    target = f"{app}\0{function}\0{method}\0{options}".encode()
    return hashlib.blake2b(request, key=hashlib.blake2b(target, digest_size=32).digest(), digest_size=16).hexdigest()
