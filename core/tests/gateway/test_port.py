"""The port of this machine where a program's web functions take requests."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Coroutine
from typing import Any

import pytest

from intermodal.exception import ConfigError
from intermodal.gateway.port import Port


def never(_: Coroutine[Any, Any, None]) -> concurrent.futures.Future[None]:
    """Nothing is to be served."""
    raise AssertionError("it was to be refused")


@pytest.mark.parametrize("port", [-1, 65536, 99999])
def test_a_number_that_is_no_port_names_its_setting(port: int) -> None:
    """Before anything listens."""
    with pytest.raises(ConfigError, match=rf"INTERMODAL_WEB_PORT\) is {port}, which is no port: choose one from 1"):
        Port(asyncio.sleep, port, never)
