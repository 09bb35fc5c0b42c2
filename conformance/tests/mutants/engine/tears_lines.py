"""What a container prints is cut into lines wherever a read ends."""

from __future__ import annotations

from collections.abc import Callable

from intermodal.driver.lines import LineCutter
from mutants.planting import instead_of


@instead_of("feed", LineCutter)
def feed(original: Callable[..., list[str]], cutter: LineCutter, data: bytes) -> list[str]:
    return original(cutter, data) + cutter.finish()
