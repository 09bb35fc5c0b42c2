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


@app.function(volumes={"/data": intermodal.CloudBucketMount("b")})
def stored() -> None:
    """Never started."""


def test_a_web_function_or_a_bucket_stops_nobody_else() -> None:
    """`plain` runs though its neighbours cannot; calling them names what is lacking (web.kinds, bucket.mount)."""
    with app.run():
        assert plain.remote(1) == 2
        with pytest.raises(CapabilityNotSupported, match="'web' is a web function; those need the server"):
            web.remote()
        with pytest.raises(CapabilityNotSupported, match="'stored' mounts a bucket at /data"):
            stored.remote()
