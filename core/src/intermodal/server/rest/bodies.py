"""What the body of a request says: the arguments of a call, as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

from intermodal.exception import InvalidError, SerializationError
from intermodal.specs.parameters import encode as encode_parameters
from intermodal.wire.json_values import encode

__all__ = ["MAX_BODY", "Asked", "asked"]

#: Bytes.
MAX_BODY = 16 << 20
_ENVELOPE = frozenset(("args", "kwargs", "parameters"))
_HOW = 'send {"args": [...], "kwargs": {...}}, or an object whose members are the arguments by name'


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: the payload of its input, and the parameters of the class (`specs.parameters`)."""

    payload: bytes
    parameters: bytes = b""


def asked(body: bytes) -> Asked:
    """What a body asks for; an empty one gives no arguments.

    An object with nothing but "args", "kwargs" and "parameters" has the arguments in these; the members of any other
    are the arguments. Raises `InvalidError`.
    """
    value = _parsed(body)
    if not isinstance(value, dict):
        raise InvalidError(f"the body is no JSON object: {_HOW}")
    envelope = value if value and value.keys() <= _ENVELOPE else {"kwargs": value}
    args, kwargs, parameters = envelope.get("args", []), envelope.get("kwargs", {}), envelope.get("parameters", {})
    if not isinstance(args, list) or not isinstance(kwargs, dict) or not isinstance(parameters, dict):
        raise InvalidError(f'"args" is a list, "kwargs" and "parameters" are objects: {_HOW}')
    for name, given in parameters.items():
        if type(given) not in (str, int, bool):
            raise InvalidError(f"the parameter {name!r:.80} is text, a whole number, true or false")
    try:
        return Asked(encode([args, kwargs], "the body"), encode_parameters(parameters))
    except SerializationError:  # what JSON's grammar allows: 1e999
        raise InvalidError(f"the body has a number that no float holds, or is nested too deeply: {_HOW}") from None


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_refuse) if body.strip() else {}
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"the body is no JSON ({error}): {_HOW}") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")
