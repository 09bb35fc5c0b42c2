"""What a web function is (web.kinds): how requests reach the user's code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["WebKind", "WebSpec"]

WebKind = Literal["asgi_app", "wsgi_app", "fastapi_endpoint", "web_server"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSpec:
    """`label` is its part of the URL; "": the app's and the function's name. `method` and `docs` (show the framework's
    pages of documentation) are for "fastapi_endpoint"; `port` and `startup_timeout_s` for "web_server"."""

    kind: WebKind
    label: str = ""
    requires_proxy_auth: bool = False
    method: str = "GET"
    docs: bool = False
    port: int = 0
    startup_timeout_s: float = 5.0
