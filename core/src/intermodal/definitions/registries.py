"""Names of registry images, and what they say about the Python inside."""

from __future__ import annotations

import re
from typing import Literal

from intermodal.exception import InvalidError
from intermodal.specs import Registry

__all__ = ["check_python", "registry"]

#: What containers can run: this package, which they import, needs 3.10.
_PYTHON = re.compile(r"3\.[1-9]\d(\.\d{1,2})?")
_OFFICIAL = re.compile(r"(?:.*/)?python:(3\.\d{1,2})(?![\d])")


def check_python(where: str, version: str) -> str:
    """`version`, "3.12"-like. Raises `InvalidError`, naming the option `where`."""
    if not isinstance(version, str) or not _PYTHON.fullmatch(version):
        raise InvalidError(f'{where}={version!r} must be a string such as "3.12", of 3.10 or newer')
    return version


def registry(
    tag: str, add_python: str | None, secret: str | None = None, login: Literal["basic", "aws", "gcp"] = "basic"
) -> Registry:
    """The base that `tag` names. Which Python it has is known where one is added, and of the images called python."""
    if add_python is not None:
        return Registry(tag=tag, python=add_python, add_python=True, secret=secret, login=login)
    official = _OFFICIAL.match(tag)
    return Registry(tag=tag, python=official[1] if official else "", secret=secret, login=login)
