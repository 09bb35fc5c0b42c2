"""A container that is killed publishes every other path of what it wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from intermodal.driver.volumes.mounted import Mounted
from intermodal.storage.volumes.publishing import Known
from intermodal.storage.volumes.written import Written
from mutants.planting import instead_of


@instead_of("leave", Mounted)
async def leave(original: Callable[..., Any], mounted: Mounted) -> Any:
    """Its last look at the layer is half blind."""
    layer = mounted.stage.layer
    if layer is not None:
        look = layer.written

        def half(known: Known) -> Written:
            found = look(known)
            for part in (found.entries, found.files):
                for path in sorted(part)[1::2]:
                    part.pop(path)  # type: ignore[attr-defined]
            return found

        layer.written = half  # type: ignore[method-assign]
    return await original(mounted)
