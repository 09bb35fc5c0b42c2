"""What needs what is not there yet is refused when it is called; the rest of its file runs."""

from __future__ import annotations

from typing import Any

import pytest

import intermodal
from intermodal.exception import CapabilityNotSupported

app = intermodal.App("mixed")


@app.function()
def plain(x: int) -> int:
    """No more than this."""
    return x + 1


@app.function()
@intermodal.asgi_app()
def web() -> Any:
    """Never started."""


def test_a_web_function_stops_nobody_else() -> None:
    """`plain` runs though its neighbour cannot; calling that one names what is lacking (web.kinds)."""
    with app.run():
        assert plain.remote(1) == 2
        with pytest.raises(CapabilityNotSupported, match="'web' is a web function; those need the server"):
            web.remote()
