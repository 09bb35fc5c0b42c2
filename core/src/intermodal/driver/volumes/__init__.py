"""Volumes of running containers, and of processes that run none (volume.*)."""

from __future__ import annotations

__all__: list[str] = []
