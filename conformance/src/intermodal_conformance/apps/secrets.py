"""Functions for secret.*: containers whose environment holds a secret."""

from __future__ import annotations

import os
import sys

import intermodal
from intermodal_conformance.apps.common import SMALL, app

__all__ = ["NAME", "VALUE", "Told", "boast", "confess", "holds"]

NAME = "CONFORMANCE_TOKEN"
VALUE = "token-of-conformance/&"

_secret = intermodal.Secret.from_dict({NAME: VALUE, "CONFORMANCE_LEFT_OUT": None})
_other = intermodal.Secret.from_dict({"CONFORMANCE_OTHER": "other-value"})


class Told(Exception):
    """Tells what it was made with."""


@app.function(**SMALL, env={NAME: "of the function's own"}, secrets=[_secret, _other])
def holds() -> dict[str, str | None]:
    """What the environment has."""
    return {name: os.environ.get(name) for name in (NAME, "CONFORMANCE_LEFT_OUT", "CONFORMANCE_OTHER")}


@app.function(**SMALL, secrets=[_secret])
def boast(word: str) -> None:
    """Print the value in three ways."""
    value = os.environ[NAME]
    print(f"{word} {value} and {value!r}")
    print(f"{word} https://me:{value}@example.com", file=sys.stderr)
    os.write(1, f"{word} raw {value}\n".encode())


@app.function(**SMALL, secrets=[_secret])
def confess() -> None:
    """Raise an error that tells the value."""
    raise Told("it is", os.environ[NAME])
