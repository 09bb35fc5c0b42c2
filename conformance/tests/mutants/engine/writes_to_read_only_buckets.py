"""A bucket that is mounted read-only takes writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from intermodal.driver.buckets import rclone
from mutants.planting import instead_of


@instead_of("mount_command", rclone)
def mount_command(original: Callable[..., list[str]], *arguments: Any) -> list[str]:
    return [word for word in original(*arguments) if word != "--read-only"]
