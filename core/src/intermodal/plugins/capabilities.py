"""Which capabilities exist, which role each belongs to, and how those of several providers become one statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from intermodal.exception import PluginError
from intermodal.plugins.options import nearest
from intermodal.plugins.roles import Capabilities

__all__ = ["CAPABILITY_ROLES", "Role", "known_only", "merge_capabilities"]

Role: TypeAlias = Literal["builder", "launcher", "gpus", "storage"]

#: Every capability, with the role whose provider states it.
CAPABILITY_ROLES: Mapping[str, Role] = {
    "isolation.filesystem": "launcher",
    "isolation.network": "launcher",
    "isolation.pid": "launcher",
    "network.block": "launcher",
    "network.cidr_allowlist": "launcher",
    "limits.memory": "launcher",
    "limits.cpu": "launcher",
    "limits.pids": "launcher",
    "snapshot": "launcher",
    "exec": "launcher",
    "volumes": "launcher",
    "bucket.mount": "launcher",
    "fd_passing": "launcher",
    "image.pip_install": "builder",
    "image.apt_install": "builder",
    "image.run_commands": "builder",
    "image.run_function": "builder",
    "image.copy": "builder",
    "image.python_version": "builder",
    "image.from_registry": "builder",
    "image.from_scratch": "builder",
    "image.entrypoint": "builder",
    "image.secrets": "builder",
    "image.stages": "builder",
    "image.mounts": "builder",
    "image.user": "builder",
    "image.gpu": "builder",
    "image.cpu": "builder",
    "image.memory": "builder",
    "gpu": "gpus",
}


def known_only(provider: str, stated: Capabilities) -> Capabilities:
    """What is stated, with a note about a group ("image") made one about each of the group ("image.copy", ...) that is
    neither supported nor has a note of its own: what a later version adds to the group is answered, too.

    Raises `PluginError` where `stated` names a capability that does not exist.
    """
    groups = {name.partition(".")[0] for name in CAPABILITY_ROLES}
    for name in sorted({*stated.supported, *(stated.notes.keys() - groups)}):
        if name not in CAPABILITY_ROLES:
            raise PluginError(
                f"{provider} states the capability {name!r}, which does not exist{nearest(name, CAPABILITY_ROLES)}. "
                f"Known ones: {', '.join(sorted(CAPABILITY_ROLES))}"
            )
    of_groups = {
        name: stated.notes[group]
        for name in CAPABILITY_ROLES.keys() - stated.supported
        if (group := name.partition(".")[0]) in stated.notes
    }
    own = {name: note for name, note in stated.notes.items() if name in CAPABILITY_ROLES}
    return Capabilities(supported=stated.supported, notes={**of_groups, **own})


def merge_capabilities(by_role: Mapping[Role, Capabilities]) -> Capabilities:
    """Of each role's provider, what it says about that role."""
    supported = {
        name for role, stated in by_role.items() for name in stated.supported if CAPABILITY_ROLES.get(name) == role
    }
    notes = {
        name: note
        for role, stated in by_role.items()
        for name, note in stated.notes.items()
        if CAPABILITY_ROLES.get(name) == role
    }
    return Capabilities(supported=frozenset(supported), notes=notes)
