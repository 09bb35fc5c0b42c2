"""The dashboard of a real server."""

from __future__ import annotations

import httpx
from server_process import serving
from workplace import Workplace


def test_the_servers_address_leads_to_the_dashboard(place: Workplace) -> None:
    """And from there to the files that it names."""
    with serving(place) as server, httpx.Client(base_url=server.url, follow_redirects=True) as browser:
        page = browser.get("/")
        assert (page.status_code, page.url.path) == (200, "/dashboard/apps")
        assert "<h1>Apps</h1>" in page.text
        sheet = page.text.partition('rel="stylesheet" href="')[2].partition('"')[0]
        assert browser.get(sheet).headers["content-type"] == "text/css; charset=utf-8"
        assert browser.get("/dashboard").status_code == 200
