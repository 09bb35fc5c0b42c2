"""The dashboard of a real server."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator

import httpx
import pytest
from server_process import Server, serving
from workplace import Workplace

SHOP = """
    import time
    import intermodal

    app = intermodal.App("shop")

    @app.function()
    def version():
        return "VERSION"

    @app.function()
    def fails():
        raise ValueError("sold <b>out</b>")

    @app.function()
    def hold():
        time.sleep(200)
"""
CALL = """
    import intermodal
    print(intermodal.Function.from_name("shop", "version").remote())
    try:
        intermodal.Function.from_name("shop", "fails").remote()
    except ValueError:
        print(intermodal.Function.from_name("shop", "hold").spawn().object_id)
        print(intermodal.Function.from_name("shop", "fails").spawn().object_id)
"""
WAIT = """
    import intermodal, sys
    try:
        intermodal.FunctionCall.from_id(sys.argv[1]).get(timeout=60)
    except intermodal.exception.InputCancelledError:
        print("cancelled")
"""

BOX = """
    import intermodal

    app = intermodal.App("boxes")
    with app.run():
        box = intermodal.Sandbox.create("sleep", "600", app=app, name="worker", tags={"user": "<b>ada</b>"})
        print(box.object_id, flush=True)
        box.wait(raise_on_termination=False)
        input()
"""


@pytest.fixture
def server(place: Workplace) -> Iterator[Server]:
    """Over a data directory of its own."""
    place.environment["INTERMODAL_DATA_DIR"] = str(place.directory / "server")
    with serving(place) as running:
        yield running
        running.end()


class Visitor:
    """A browser without scripts."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._browser = httpx.Client(base_url=url, follow_redirects=True, timeout=60)

    def page(self, path: str) -> str:
        """Its text."""
        answer = self._browser.get(f"/dashboard/{path}")
        assert answer.status_code == 200, answer.text
        return answer.text

    def until(self, path: str, pattern: str) -> str:
        """What a page shows as soon as the pattern is found in it: observers hear of what happens a moment later."""
        deadline = time.monotonic() + 60
        while (found := re.search(pattern, self.page(path))) is None:
            assert time.monotonic() < deadline, f"{path} never shows {pattern}"
            time.sleep(0.1)
        return found[found.re.groups]

    def press(self, path: str, action: str, **fields: str) -> str:
        """The page after a button of a page was pressed."""
        key = re.search(r'name="page-key" content="([^"]+)"', self.page(path))
        assert key is not None
        form = {"page_key": key[1], "action": action, **fields}
        answer = self._browser.post(f"/dashboard/{path}", data=form, headers={"Origin": self._url})
        assert answer.status_code == 200, answer.text
        return answer.text

    def leave(self) -> None:
        """Hang up."""
        self._browser.close()


def test_the_servers_address_leads_to_the_dashboard(server: Server) -> None:
    """And from there to the files that it names."""
    with httpx.Client(base_url=server.url, follow_redirects=True) as browser:
        page = browser.get("/")
        assert (page.status_code, page.url.path) == (200, "/dashboard/apps")
        assert "intermodal deploy app.py" in page.text
        sheet = page.text.partition('rel="stylesheet" href="')[2].partition('"')[0]
        assert browser.get(sheet).headers["content-type"] == "text/css; charset=utf-8"
        assert browser.get("/dashboard").status_code == 200


def test_an_app_is_watched_rolled_back_and_stopped_there(place: Workplace, server: Server) -> None:
    """With calls that failed, of which one runs again, and one that is cancelled."""
    client = {**server.environment, "INTERMODAL_DATA_DIR": str(place.directory / "client")}
    for version in ("one", "two"):
        place.write("shop.py", SHOP.replace("VERSION", version))
        done = place.intermodal("deploy", "shop.py", "--tag", version, env=client)
        assert done.returncode == 0, done.stderr
    call = place.write("elsewhere/call.py", CALL)
    done = place.run(str(call), env=client)
    assert done.returncode == 0, done.stderr
    said, held, lost = done.stdout.split()
    assert said == "two"

    visitor = Visitor(server.url)
    app = visitor.page("apps/shop")
    assert all(f"/dashboard/apps/shop/functions/{name}" in app for name in ("version", "fails", "hold"))
    visitor.until("containers", r'<tr id="container-')
    failed = visitor.until("calls?state=failed", r'<tr id="call-([\w-]+)"')
    visitor.until(f"calls/{failed}", "sold &lt;b&gt;out&lt;/b&gt;")
    assert "No call" in visitor.page("calls?function=other")
    for press in ({}, {"input": "0"}):
        visitor.until(f"calls/{lost}", 'value="retry"')
        assert "One input runs again" in visitor.press(f"calls/{lost}", "retry", **press)
    visitor.until(f"calls/{lost}", r'(?s)sold &lt;b&gt;out&lt;/b&gt;.*value="retry"')

    visitor.until(f"calls/{held}", ">running<")
    assert "is being cancelled" in visitor.press(f"calls/{held}", "cancel")
    wait = place.write("elsewhere/wait.py", WAIT)
    assert place.run(str(wait), held, env=client).stdout.split() == ["cancelled"]
    visitor.until(f"calls/{held}", r"(?s)<h1.*<dt>Ended</dt><dd><time")
    assert "has ended already" in visitor.press(f"calls/{held}", "cancel")

    assert "Version 3 is live" in visitor.press("apps/shop", "rollback", number="1")
    assert place.run(str(call), env=client).stdout.split()[0] == "one"
    assert "say which version" in visitor.press("apps/shop", "rollback", number="²")
    assert "has been stopped" in visitor.press("apps/shop", "stop")
    assert ">stopped<" in visitor.page("apps")
    visitor.leave()


def test_a_sandbox_is_watched_and_terminated_there(place: Workplace, server: Server) -> None:
    """How it ended is shown as long as what made it runs."""
    visitor = Visitor(server.url)
    client = {**server.environment, "INTERMODAL_DATA_DIR": str(place.directory / "client")}
    maker = place.start(str(place.write("box.py", BOX)), env=client, stdin=subprocess.PIPE)
    assert maker.stdout is not None
    box = maker.stdout.readline().strip()
    assert box.startswith("sb-"), maker.communicate()
    page = visitor.until("sandboxes", f'(?s)(id="sandbox-{box}".*)')
    assert all(words in page for words in ("boxes", "worker", "&lt;b&gt;ada&lt;/b&gt;", ">running<"))
    assert "is being terminated" in visitor.press("sandboxes", "terminate", sandbox=box)
    visitor.until("sandboxes?search=USER", f'(?s)id="sandbox-{box}".*>terminated<')
    assert f"no sandbox &#39;{box}&#39; runs" in visitor.press("sandboxes", "terminate", sandbox=box)
    _, errors = maker.communicate("\n", timeout=60)
    assert maker.returncode == 0, errors
    visitor.until("sandboxes", "No app or program that runs here has made a sandbox")
    visitor.leave()
