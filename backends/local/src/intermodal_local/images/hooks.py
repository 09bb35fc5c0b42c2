"""The hook by which the host asks for the builder."""

from __future__ import annotations

from intermodal.plugins import Config, hookimpl
from intermodal_local.images.builder import LocalBuilder
from intermodal_local.images.grounds import Grounds

__all__ = ["intermodal_builder"]


@hookimpl
def intermodal_builder(config: Config) -> LocalBuilder:
    """Images are layers below `<data>/local/images`."""
    grounds = Grounds(config.data_dir, config.get("local.isolation"))
    return LocalBuilder(config.data_dir / "local" / "images", grounds.find)
