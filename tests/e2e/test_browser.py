"""web.*: what deployed web functions show in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from server_process import Server, serving
from workplace import Workplace

from browsers import Visits

APP = Path(__file__).parent / "app_pages.py"


@pytest.fixture
def server(place: Workplace) -> Iterator[Server]:
    with serving(place) as running:
        deployed = place.intermodal("deploy", str(APP), env=running.environment)
        assert deployed.returncode == 0, deployed.stderr
        yield running
        running.end()


@pytest.mark.one_user
def test_a_page_s_script_has_all_that_browsers_have(server: Server, visit: Visits) -> None:
    """web.kinds: styles, modules, requests, server-sent events, WebSockets, cookies, and a form with a file."""
    page = visit(server.url)
    page.goto("/pages/")
    expect(page).to_have_title("A page")
    expect(page.locator("h1")).to_have_css("color", "rgb(1, 2, 3)")
    expect(page.locator("#events")).to_have_text("0 1 2 3 4")
    expect(page.locator("#line")).to_have_text("there and back 3")
    expect(page.locator("#fetched")).to_have_text("200 6")
    page.set_input_files("input[type=file]", {"name": "a", "mimeType": "image/png", "buffer": b"\xff" * 300_000})
    page.click("button")
    expect(page.locator("p")).to_have_text("seen=once True 300000")
