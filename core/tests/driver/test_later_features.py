"""What needs what is not there yet is refused when it is called; the rest of its file runs."""

from __future__ import annotations

from typing import Any

import httpx

import intermodal

app = intermodal.App("mixed")


@app.function()
def plain(x: int) -> int:
    """No more than this."""
    return x + 1


@app.function()
@intermodal.web_server(8000)
def web() -> Any:
    """Never started."""


def test_a_web_function_stops_nobody_else() -> None:
    """`plain` runs though its neighbour cannot, whose requests hear so (web.kinds)."""
    with app.run():
        assert plain.remote(1) == 2
        assert httpx.get(str(web.get_web_url()), timeout=60, trust_env=False).status_code == 501
