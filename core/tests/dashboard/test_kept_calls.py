"""The pages about calls that the server keeps, over its ends as well."""

from __future__ import annotations

import re
import time
from pathlib import Path

from dashboard_site import ORIGIN, Site, site
from intermodal.plugins import CallFinished, CallStarted
from intermodal.server.activity import SessionActivity
from intermodal.server.calls.request import digest_of, packed
from intermodal.server.calls.rows import Fresh, Recorded
from intermodal.specs.status import CANCELLED, ERROR, OK
from intermodal.wire.raised import Raised, encode

BAD = "<script>alert(1)</script>\x1b[31m"


def keep(shown: Site, id: str, *statuses: int | None, app: str = "shop", message: str = "no", parent: str = "") -> None:
    """Have a call of this app been accepted, with an output of each status; None: it has none yet."""
    request = packed(b"", [b""] * len(statuses))
    fresh = Fresh(
        id=id,
        environment="main",
        app=app,
        function="sell",
        method="",
        options="",
        parent=parent or None,
        inputs=len(statuses),
        request=request,
        digest=digest_of(app, "sell", "", "", request),
        created=time.time(),
    )
    done = [(index, status) for index, status in enumerate(statuses) if status is not None]
    payload = encode(Raised("ValueError", message, f"Traceback\n{message}"))
    recorded = Recorded(
        id, [index for index, _ in done], [status for _, status in done], [payload] * len(done), time.time()
    )
    shown.calls.writer.do(lambda: shown.calls.store.write([fresh], [recorded], [id])).result()


def listed(shown: Site, query: str = "") -> list[str]:
    return re.findall(r'<tr id="call-([\w-]+)"', shown.page(f"calls?{query}"))


def press(shown: Site, path: str, **fields: str) -> str:
    """The page that comes after a button."""
    answer = shown.browser.post(
        f"/dashboard/{path}", data={"page_key": shown.key(), **fields}, headers={"Origin": ORIGIN}
    )
    assert answer.status_code == 303
    return shown.browser.get(answer.headers["location"]).text


def test_calls_of_servers_before_are_listed_and_shown(tmp_path: Path) -> None:
    """By app, function and state, with what was raised, as text."""
    with site(tmp_path) as shown:
        keep(shown, "fc-good", OK, OK)
        keep(shown, "fc-bad", OK, ERROR, message=BAD)
        keep(shown, "fc-open", OK, None, app="till")
    with site(tmp_path) as shown:
        assert listed(shown) == ["fc-open", "fc-bad", "fc-good"]
        assert listed(shown, "state=failed") == ["fc-bad"]
        assert listed(shown, "state=running") == ["fc-open"]
        assert listed(shown, "app=shop&function=sell&state=succeeded") == ["fc-good"]
        assert listed(shown, "environment=other") == []
        page = shown.page("calls/fc-bad")
        assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m" in page
        assert "<script>alert" not in page
        assert page.count('name="action" value="retry"') == 2
        page = shown.page("calls/fc-bad?inputs=all")
        assert re.findall(r'<tr id="input-(\d)"', page) == ["0", "1"]
        assert '<tr id="input-0"' in shown.page("calls/fc-good")
        assert 'value="retry"' not in shown.page("calls/fc-good")
        assert ">pending<" in shown.page("calls/fc-open")
        assert shown.browser.get("/dashboard/calls/fc-bad?environment=other").status_code == 404


def test_a_call_that_is_kept_and_was_seen_is_listed_once(tmp_path: Path) -> None:
    """As it is kept: what was seen of it is older, since it has run again."""
    with site(tmp_path) as shown:
        session, of = SessionActivity(shown.activity, "main"), {"app": "shop", "function": "sell", "call": "fc-a"}
        for _ in range(2):
            session.intermodal_call_started([CallStarted(at=time.time(), **of)])
            session.intermodal_call_finished([CallFinished(at=time.time(), succeeded=0, failed=1, **of)])
        keep(shown, "fc-a", OK)
        for query in ("", "app=shop", "state=succeeded"):
            assert listed(shown, query) == ["fc-a"]
        assert listed(shown, "state=failed") == []
        assert shown.page("apps/shop").count('<tr id="call-fc-a"') == 1
        assert ">succeeded<" in shown.page("calls/fc-a")


def test_all_failed_inputs_of_a_kept_call_are_shown(tmp_path: Path) -> None:
    """In parts, and the calls that it has made."""
    with site(tmp_path) as shown:
        keep(shown, "fc-a", OK, *[ERROR] * 30)
        keep(shown, "fc-b", OK, parent="fc-a", app="till")
        page = shown.page("calls/fc-a")
        assert len(re.findall(r'id="failure-\d+"', page)) == 20
        assert "1–20 of 30" in page
        assert '<tr id="call-fc-b"' in page
        assert re.findall(r'id="failure-(\d+)"', shown.page("calls/fc-a?page=2"))[-1] == "30"
        assert re.findall(r'<tr id="input-(\d+)"', shown.page("calls/fc-a?inputs=all"))[0] == "0"


def test_what_a_call_has_no_result_for_is_cancelled(tmp_path: Path) -> None:
    """Also where no session has it; once."""
    with site(tmp_path) as shown:
        keep(shown, "fc-a", OK, None, None)
        assert "is being cancelled" in press(shown, "calls/fc-a", action="cancel")
        assert shown.calls.store.call("fc-a").states.cancelled == 2
        assert "has ended already" in press(shown, "calls/fc-a", action="cancel")


def test_a_retry_that_cannot_be_says_why(tmp_path: Path) -> None:
    """And changes nothing."""
    with site(tmp_path) as shown:
        keep(shown, "fc-a", ERROR, CANCELLED)
        assert "no app &#39;shop&#39;" in press(shown, "calls/fc-a", action="retry")
        for wrong in ("", "²", "-1", "x", "9999999999"):
            assert "say which input" in press(shown, "calls/fc-a", action="retry", input=wrong)
        assert shown.calls.store.call("fc-a").states.failed == 1
