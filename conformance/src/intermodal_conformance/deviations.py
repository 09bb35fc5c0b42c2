"""Deviations: failures that a backend's author knows of, each bound to one pinned program or test, with an end."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from intermodal_conformance.manifest import Manifest

__all__ = ["Deviation", "UsageError", "read_deviations"]


class UsageError(Exception):
    """The command, a file or the backend's statement cannot be used; nothing was tested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """`program` is a pinned program of the corpus or the name of a test; it must fail, until the day `until`."""

    requirement: str
    program: str
    reason: str
    until: datetime.date

    def covers(self, requirement: str, test: str) -> bool:
        """True for the one test or pinned program it is about."""
        return requirement == self.requirement and self.program in program_names(test)

    def expired(self, today: datetime.date) -> bool:
        """True from its last day on."""
        return today >= self.until


def program_names(test: str) -> tuple[str, ...]:
    """What a test can be called in a deviation: its name with its parameter, or its parameter, the pinned program."""
    name = test.rpartition("::")[2]
    function, bracket, parameter = name.partition("[")
    return (name, parameter.removesuffix("]")) if bracket else (function,)


def read_deviations(path: Path | None, manifest: Manifest) -> Sequence[Deviation]:
    """The deviations in a TOML file: a list `deviation` of tables with requirement, program, reason, until.

    Raises:
        UsageError: the file cannot be read, or an entry is incomplete or about nothing.
    """
    if path is None:
        return ()
    try:
        entries = tomllib.loads(path.read_text())["deviation"]
        found = [Deviation(**entry) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} is no list of deviations ({type(error).__name__}: {error}): it has tables [[deviation]] with "
            "requirement, program, reason and until (a date)"
        ) from None
    for each in found:
        if each.requirement not in manifest.requirements:
            raise UsageError(f"{path}: there is no requirement {each.requirement!r}")
        if not each.reason.strip() or type(each.until) is not datetime.date:
            raise UsageError(f"{path}: the deviation from {each.requirement!r} needs a reason and a date `until`")
    return found
