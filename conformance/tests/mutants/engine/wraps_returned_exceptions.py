"""`map(return_exceptions=True)` yields wrappers in place of the exceptions that were raised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from intermodal.client import mapping
from intermodal.client.api import Client
from intermodal.exception import ExecutionError
from mutants.planting import instead_of


@instead_of("_decode", mapping)
def decode(original: Callable[..., Any], client: Client, status: int, payload: Any, return_exceptions: bool) -> Any:
    value = original(client, status, payload, return_exceptions)
    return ExecutionError(str(value)) if return_exceptions and isinstance(value, Exception) else value
