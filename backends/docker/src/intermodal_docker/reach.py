"""Which entrance the containers of an engine take: found out by doing, once a session.

An engine elsewhere sees none of this machine's files. One behind a socket of this machine may not, either, as it may
run in a virtual machine. So the first container is to come to the door, and where it does not, it is started again by
the other way.
"""

from __future__ import annotations

from intermodal_docker.attached import Attached
from intermodal_docker.door import Door
from intermodal_docker.entrance import Entrance

__all__ = ["Reach"]


class Reach:
    """Args:
    door: None where the engine is elsewhere.
    """

    def __init__(self, door: Door | None, attached: Attached) -> None:
        self._attached = attached
        self.entrance: Entrance = door or attached
        self.certain = door is None

    def came(self) -> None:
        """A container came by the entrance."""
        self.certain = True

    def turn(self, entrance: Entrance) -> bool:
        """None came by that one. False: which tells nothing, as others have, or as there is no other way."""
        if self.certain or self._attached is entrance:
            return False
        self.entrance = self._attached
        return True
