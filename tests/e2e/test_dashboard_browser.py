"""The dashboard in a real browser: what stays while it refreshes, and what pages of apps on its site get of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from server_process import Server, serving
from workplace import Workplace

from browsers import Visits

APP = """
    import intermodal

    app = intermodal.App("evil")

    @app.function()
    @intermodal.asgi_app(label="evil")
    def web():
        async def page(scope, receive, send):
            headers = [(b"content-type", b"text/html"), (b"cross-origin-opener-policy", b"same-origin")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"<h1>evil</h1>"})
        return page

    @app.function()
    def fails():
        raise ValueError("<img src=x onerror=alert(1)>")

    @app.local_entrypoint()
    def main():
        for _ in range(2):
            try:
                fails.remote()
            except ValueError:
                pass
"""
#: What the page of an app can try, each giving what it has read of the dashboard.
TRIES = """
    async () => {
      const read = {};
      const key = (text) => (text.match(/name="page-key" content="[^"]+"/) || [""])[0];
      for (const mode of ["cors", "same-origin", "no-cors"]) {
        read[mode] = key(await (await fetch("/dashboard/apps", { mode })).text());
      }
      const frame = document.createElement("iframe");
      frame.src = "/dashboard/apps";
      await new Promise((done) => { frame.onload = done; document.body.append(frame); });
      try { read.frame = key(frame.contentDocument.documentElement.outerHTML); } catch { read.frame = ""; }
      const opened = window.open("/dashboard/apps");
      await new Promise((done) => setTimeout(done, 1500));
      try { read.window = key(opened.document.documentElement.outerHTML); } catch { read.window = ""; }
      const body = new URLSearchParams({ action: "stop" });
      const posted = await fetch("/dashboard/apps/evil", { method: "POST", body });
      read.posted = posted.status === 403 ? "" : String(posted.status);
      const logs = await fetch("/v1/logs?app=evil");
      read.logs = logs.status === 403 ? "" : String(logs.status);
      return read;
    }
"""


@pytest.fixture
def server(place: Workplace) -> Iterator[Server]:
    """Over a data directory of its own."""
    place.environment["INTERMODAL_DATA_DIR"] = str(place.directory / "server")
    with serving(place) as running:
        place.write("evil.py", APP)
        for command in ("deploy", "run"):
            done = place.intermodal(command, "evil.py", env=running.environment)
            assert done.returncode == 0, done.stderr
        yield running
        running.end()


@pytest.mark.one_user
def test_a_visitor_keeps_what_he_does_and_apps_get_nothing(server: Server, visit: Visits) -> None:
    """Refreshing leaves opened details, focus and typed text alone. Scripts of an app's page cannot read the dashboard,
    though they share its address."""
    page = visit(server.url)
    page.goto("/dashboard/calls?state=failed")
    page.locator("tbody a.mono").first.click()
    first = page.locator("details.failure")
    expect(first).to_contain_text("<img src=x onerror=alert(1)>")
    page.locator("summary", has_text="ValueError").click()
    expect(first).not_to_have_attribute("open", "")
    with page.expect_response(lambda answer: "x-intermodal-page" in answer.request.headers):
        pass
    with page.expect_response(lambda answer: "x-intermodal-page" in answer.request.headers):
        pass
    expect(first).not_to_have_attribute("open", "")

    page.goto("/dashboard/apps")
    page.get_by_role("button", name="Theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.get_by_role("searchbox").fill("evi")
    with page.expect_response(lambda answer: "x-intermodal-page" in answer.request.headers):
        pass
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.get_by_role("searchbox")).to_have_value("evi")
    page.keyboard.press("Enter")
    expect(page.locator("#app-evil")).to_be_visible()

    tries = visit(server.url, allowed="403|frame|Framing|ERR_|favicon")
    tries.goto("/evil/")
    expect(tries.locator("h1")).to_have_text("evil")
    read = tries.evaluate(TRIES)
    assert read == dict.fromkeys(("cors", "same-origin", "no-cors", "frame", "window", "posted", "logs"), ""), read
