"""Pages about named things: queues, dicts, secrets, schedules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dashboard_site import Site, site

HOSTILE = "<script>x</script>\x1b[31m\u202e.html"


def do(shown: Site, method: str, segments: Sequence[bytes] = (), **params: Any) -> Any:
    """Ask what a client would ask."""
    return shown.browser.run(shown.overview.hosting.request("main", method, params, segments)).value


def make(shown: Site, kind: str, name: str) -> str:
    return str(do(shown, f"{kind}.create", name=name, environment="", create_if_missing=True)["id"])


def test_queues_with_their_partitions(tmp_path: Path) -> None:
    """How many items wait, in all and in each partition; an emptied partition is none."""
    with site(tmp_path) as shown:
        assert "intermodal queue create" in shown.page("queues")
        queue = make(shown, "queue", "jobs")
        for partition, count in ((None, 2), ("a<b>", 1200), ("gone", 1)):
            do(shown, "queue.put", [b"x"] * count, id=queue, partition=partition, block=False)
        do(shown, "queue.get", id=queue, partition="gone", n=1, block=False)
        page = shown.page("queues")
        assert 'href="/dashboard/queues/jobs"' in page
        assert "1,202" in page
        page = shown.page("queues/jobs")
        assert "a&lt;b&gt;" in page
        assert "1,200" in page
        assert "gone" not in page
        assert shown.browser.get("/dashboard/queues/none").status_code == 404


def test_dicts_with_the_number_of_their_entries(tmp_path: Path) -> None:
    """Nothing of what is in them."""
    with site(tmp_path) as shown:
        assert "intermodal dict create" in shown.page("dicts")
        found = make(shown, "dict", "settings")
        do(shown, "dict.put", [b"the-key", b"the-value"], id=found, skip_if_exists=False)
        page = shown.page("dicts")
        assert "settings" in page
        assert ">1<" in page
        assert "the-" not in page


def test_secrets_without_their_values(tmp_path: Path) -> None:
    """The names of what is in them, and who uses them."""
    with site(tmp_path) as shown:
        assert "intermodal secret create" in shown.page("secrets")
        values = {"KEY": "the-value", "WORD": "the-other"}
        params = {"environment": "main", "name": "api", "values": values, "overwrite": False}
        shown.browser.run(shown.overview.hosting.secret("secret.create", params))
        for page in (shown.page("secrets"), shown.page("secrets/api")):
            assert "KEY, WORD" in page
            assert "the-" not in page.replace("the-me", "")
        assert "No live app names this secret" in shown.page("secrets/api")
        assert shown.browser.get("/dashboard/secrets/none").status_code == 404


@pytest.mark.parametrize("page", ["queues", "dicts", "secrets", "schedules", "sandboxes"])
def test_things_of_other_environments_are_not_shown(tmp_path: Path, page: str) -> None:
    """Nor what was searched for as anything but text."""
    with site(tmp_path) as shown:
        kind = page.removesuffix("s")
        if kind in ("queue", "dict"):
            make(shown, kind, "mine")
        assert "mine" not in shown.page(f"{page}?environment=other")
        answer = shown.browser.get(f"/dashboard/{page}", params={"search": HOSTILE})
        assert answer.status_code == 200
        assert "<script>x" not in answer.text
        assert "\x1b" not in answer.text


def test_schedules_say_how_to_have_one(tmp_path: Path) -> None:
    """One that is not there has had no runs, and no button for it works."""
    with site(tmp_path) as shown:
        assert "schedule=intermodal.Cron" in shown.page("schedules")
        assert "It has not run yet" in shown.page("schedules/shop/nightly")
        form = {"page_key": shown.key(), "action": "pause", "app": "shop", "function": "nightly"}
        answer = shown.browser.post("/dashboard/schedules", data=form, headers={"Origin": "http://127.0.0.1:8700"})
        assert answer.status_code == 303
        assert "has a schedule" in shown.browser.get(answer.headers["location"]).text


def test_sandboxes_say_how_to_have_one(tmp_path: Path) -> None:
    """None that is not there is ended."""
    with site(tmp_path) as shown:
        assert "intermodal.Sandbox.create" in shown.page("sandboxes")
        form = {"page_key": shown.key(), "action": "terminate", "sandbox": "sb-0123456789-1"}
        answer = shown.browser.post("/dashboard/sandboxes", data=form, headers={"Origin": "http://127.0.0.1:8700"})
        assert answer.status_code == 303
        assert "no sandbox &#39;sb-0123456789-1&#39; runs" in shown.browser.get(answer.headers["location"]).text
