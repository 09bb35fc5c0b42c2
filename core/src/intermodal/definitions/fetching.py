"""Files that ADD takes from an address."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request

from intermodal.definitions.dockerfile import Instruction, refuse
from intermodal.exception import InvalidError, NotFoundError

__all__ = ["fetch"]

_MOST_MIB = 256
_TIMEOUT_S = 60.0


def fetch(address: str, checksum: str, instruction: Instruction) -> bytes:
    """The bytes at `address`, which is asked each time the app starts: what it gives decides whether there is anything
    to build.

    Args:
        checksum: "sha256:..." that they must have; "": none is checked.

    Raises:
        NotFoundError: nothing came.
        InvalidError: the checksum is another one.
        CapabilityNotSupported: too large to be kept in memory.
    """
    algorithm, _, wanted = checksum.partition(":")
    if checksum and (algorithm != "sha256" or len(wanted) != 64):
        raise InvalidError(f"{instruction.where}: --checksum={checksum} is not sha256: and 64 digits")
    try:
        with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as response:
            data: bytes = response.read((_MOST_MIB << 20) + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise NotFoundError(f"{instruction.where}: ADD {address} gave nothing: {reason}") from None
    if len(data) > _MOST_MIB << 20:
        raise refuse(instruction, "add-large", f"ADD {address}: more than {_MOST_MIB} MiB: fetch it with RUN curl")
    found = hashlib.sha256(data).hexdigest()
    if checksum and found != wanted.lower():
        raise InvalidError(f"{instruction.where}: ADD {address} has the checksum sha256:{found}, not {checksum}")
    return data
