"""Owners as users write them, as numbers: names are those of the image (image.dockerfile).

Public to authors of backends, as a name of `intermodal.plugins.building`.
"""

from __future__ import annotations

from collections.abc import Callable

from intermodal.plugins.step_runs import StepRefused

__all__ = ["owner_ids"]


def owner_ids(owner: str, read: Callable[[str], str]) -> tuple[int, int]:
    """The numbers of "USER" or "USER:GROUP". A number without a group is the group's, too; a name's group is its own.

    Args:
        owner: as of `CopyFiles`; "" is root.
        read: gives the text of a file of the image, "" where there is none: /etc/passwd and /etc/group are asked for.

    Raises `StepRefused`: the image has no such name.
    """
    user, _, group = owner.partition(":")
    if not user:
        return 0, 0
    if user.isdecimal():
        uid = gid = int(user)
    else:
        found = _line(read("/etc/passwd"), user, "user", "/etc/passwd")
        uid, gid = int(found[2]), int(found[3])
    if group.isdecimal():
        gid = int(group)
    elif group:
        gid = int(_line(read("/etc/group"), group, "group", "/etc/group")[2])
    return uid, gid


def _line(text: str, name: str, what: str, file: str) -> list[str]:
    for line in text.splitlines():
        fields = line.split(":")
        if fields[0] == name and len(fields) > 3:
            return fields
    raise StepRefused(f"the image has no {what} {name!r} in {file}: make one with RUN, or give its number")
