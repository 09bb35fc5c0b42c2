"""What strangers print and name is text to the dashboard, in a real browser; pages of other sites do nothing there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Page, expect
from server_process import Server, serving
from workplace import Workplace

from browsers import Visits
from served import served

#: What would change the page's title, ask another site, or open a dialog, where a page ran or loaded it.
TAGS = "<script>document.title='ran'</script><img src='http://other.test/x' onerror=\"alert(1)\">"
BREAKS = "'\"></title></textarea></style></script><svg/onload=alert(2)>{{7*7}}${7*7}"
HOSTILE = f"{TAGS}{BREAKS}\x1b]0;ran\x07\x1b[31m\u202ejavascript:alert(3)"

APP = """
    import io, json, os
    import intermodal

    HOSTILE = HOSTILE_TEXT
    app = intermodal.App("hostile")

    @app.function(schedule=intermodal.Cron("0 9 29 2 *") if os.environ.get("SCHEDULED") else None)
    def shout():
        print(HOSTILE)
        print(json.dumps({HOSTILE: HOSTILE, "level": HOSTILE}))
        print("METRIC hostile=1" + HOSTILE.split("'")[0])
        raise ValueError(HOSTILE)

    @app.local_entrypoint()
    def main():
        queue = intermodal.Queue.from_name("jobs", create_if_missing=True)
        queue.put(HOSTILE, partition=HOSTILE[:40])
        intermodal.Dict.from_name("settings", create_if_missing=True)[HOSTILE] = HOSTILE
        with intermodal.Volume.from_name("data", create_if_missing=True).batch_upload(force=True) as batch:
            batch.put_file(io.BytesIO(HOSTILE.encode()), HOSTILE.replace("/", "|") + ".html")
            batch.put_file(io.BytesIO(b"x"), "<b>directory</b>/x")
        try:
            shout.remote()
        except ValueError:
            pass
"""

#: Pages that show something of it, and what of it is there when it does.
SHOWN = {
    "apps": "hostile",
    "logs": "<script>document.title='ran'</script>",
    "logs?app=hostile&search=level": "<script>document.title='ran'</script>",
    "queues/jobs": "<script>document.title='ran'</script>",
    "dicts": "settings",
    "volumes/data": "<script>document.title='ran'<|script>",
    "secrets": "key",
    "schedules": "shout",
    "schedules/hostile/shout": "failed",
}


@pytest.fixture
def server(place: Workplace) -> Iterator[Server]:
    """One that keeps hostile texts wherever programs can put them."""
    place.write("hostile.py", APP.replace("HOSTILE_TEXT", repr(HOSTILE)))
    with serving(place) as running:
        for words in (
            ("run", "-q", "hostile.py"),
            ("deploy", "hostile.py", "--tag", TAGS[:40]),
            ("secret", "create", "--force", "key", f"WORD={HOSTILE}"),
            ("schedule", "run", "hostile", "shout"),
        ):
            scheduled = {"SCHEDULED": "1"} if words[0] == "deploy" else {}
            done = place.intermodal(*words, env={**running.environment, **scheduled})
            assert done.returncode == 0, (words, done.stdout, done.stderr)
        yield running
        running.end()


def unharmed(page: Page) -> None:
    """Nothing ran in it, and nothing was put into it as more than text."""
    assert page.title().endswith("· Intermodal"), page.title()
    assert page.locator("main script, main img, main [onload], main [onerror], main b").count() == 0
    assert page.locator("[href^='javascript:']").count() == 0


@pytest.mark.one_user
def test_nothing_of_what_strangers_print_or_name_runs(server: Server, visit: Visits) -> None:
    """Nor does any page ask another site for anything: the browser's visits see to that. Filters and notes give back
    what they were given, as text."""
    page = visit(server.url)
    for path, text in SHOWN.items():
        page.goto(f"/dashboard/{path}")
        expect(page.locator("#live")).to_contain_text(text)
        unharmed(page)
    for path in ("apps", "logs", "queues", "dicts", "volumes", "secrets", "schedules", "sandboxes"):
        query = {"search": HOSTILE, "app": HOSTILE, "function": HOSTILE, "note": HOSTILE}
        page.goto(str(httpx.URL(f"{server.url}/dashboard/{path}", params=query)))
        expect(page.locator("input[name=search]")).to_have_value(re.compile(f"^{re.escape(TAGS)}"))
        unharmed(page)
    quiet = visit(server.url, allowed="status of 40[04]")
    for path in ("nothing", "queues", "volumes", "secrets", "schedules/x", "apps"):
        quiet.goto(f"/dashboard/{path}/{quote(HOSTILE, safe='')}")
        unharmed(quiet)


FORM = """<!doctype html><link rel=icon href='data:,'><form method=post action='TARGET' enctype='TYPE'>
<input name=action value=pause><input name=app value=hostile><input name=function value=shout>
<input name=page_key value=guess></form>
<script>
fetch('TARGET', {credentials: 'include'}).then(reply => reply.text()).catch(() => 'not read').then(text => {
  document.title = text.includes('schedule') ? 'read' : 'not read';
  document.forms[0].submit();
});
</script>"""


@pytest.mark.one_user
def test_pages_of_other_sites_neither_read_nor_act(server: Server, visit: Visits, tmp_path: Path) -> None:
    """By form, script, frame, or a name of their own for this machine's address."""
    port = server.url.rpartition(":")[2]
    kinds = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
    with served(tmp_path) as host:
        allowed = "to another site|CORS policy|status of 403|net::ERR_FAILED|frame|Cross-Origin|X-Frame-Options"
        stranger = visit(f"http://{host}", allowed=allowed)
        for target in (server.url, f"http://localhost:{port}", f"http://rebound.test:{port}"):
            for kind in kinds:
                text = FORM.replace("TARGET", f"{target}/dashboard/schedules").replace("TYPE", kind)
                name = f"{len(list(tmp_path.iterdir()))}.html"
                (tmp_path / name).write_text(text)
                stranger.goto(f"/{name}", wait_until="commit")  # it soon leaves by itself
                stranger.wait_for_url(f"{target}/dashboard/schedules")
                expect(stranger.locator("h1")).to_have_text("Not allowed")
        (tmp_path / "frame.html").write_text(f"<link rel=icon href='data:,'><iframe src='{server.url}/dashboard/apps'>")
        stranger.goto("/frame.html", wait_until="load")
        assert all("Apps" not in frame.content() for frame in stranger.frames[1:])
        rebound = visit(f"http://rebound.test:{port}", allowed="status of 403|Cross-Origin-Opener-Policy")
        rebound.goto("/dashboard/apps")
        expect(rebound.locator("h1")).to_have_text("Not allowed")
    own = visit(server.url)
    own.goto("/dashboard/schedules")
    expect(own.get_by_role("button", name="Pause")).to_be_visible()
    own.get_by_role("button", name="Pause").click()
    expect(own.get_by_role("status").first).to_contain_text("does not run by itself")
    own.get_by_role("button", name="Resume").click()
    expect(own.get_by_role("button", name="Pause")).to_be_visible()
