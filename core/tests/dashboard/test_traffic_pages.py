"""The pages about calls, functions and containers."""

from __future__ import annotations

import re
import time
from pathlib import Path

from dashboard_site import Site, site
from intermodal.plugins import CallFinished, CallStarted, ContainerExited, ContainerStarted, InputFailed
from intermodal.server.activity import SessionActivity

BAD = '<script>alert(1)</script>\x1b[31m\u202e"'


def happen(shown: Site, app: str = "shop", function: str = "sell", calls: int = 1, error: str = "") -> None:
    """Have calls of an app been made, and a container started."""
    session, now = SessionActivity(shown.activity, "main"), time.time()
    of = {"app": app, "function": function}
    session.intermodal_container_started(
        [ContainerStarted(container=f"c-{app}", at=now, start_s=0.25, gpu="H100", **of)]
    )
    for number in range(calls):
        call = f"fc-{app}-{number}"
        session.intermodal_call_started([CallStarted(call=call, at=now - 3, parent="fc-parent", **of)])
        if error:
            failed = InputFailed(
                call=call, at=now, input=0, error="ValueError", message=error, traceback=f"Traceback\n{error}", **of
            )
            session.intermodal_input_failed([failed])
        failures = 1 if error else 0
        session.intermodal_call_finished([CallFinished(call=call, at=now, succeeded=1, failed=failures, **of)])


def test_an_app_shows_its_functions_containers_and_calls(tmp_path: Path) -> None:
    """One that no deployment knows, too."""
    with site(tmp_path) as shown:
        happen(shown)
        page = shown.page("apps/shop")
        assert 'href="/dashboard/apps/shop/functions/sell"' in page
        assert 'href="/dashboard/calls/fc-shop-0"' in page
        assert re.search(r"Calls, last hour</dt><dd>1<", page)
        function = shown.page("apps/shop/functions/sell")
        assert "c-shop" in function
        assert "H100" in function
        assert shown.browser.get("/dashboard/apps/other").status_code == 404
        assert shown.browser.get("/dashboard/apps/shop/functions/other").status_code == 404


def test_a_call_shows_what_was_raised_and_who_made_it(tmp_path: Path) -> None:
    """As text, whatever is in it."""
    with site(tmp_path) as shown:
        happen(shown, error=BAD)
        page = shown.page("calls/fc-shop-0")
        assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m\\u202e&#34;" in page
        assert "<script>alert" not in page
        assert 'href="/dashboard/calls/fc-parent"' in page
        assert shown.browser.get("/dashboard/calls/fc-other").status_code == 404
        assert shown.browser.get("/dashboard/calls/fc-shop-0?environment=other").status_code == 404


def test_calls_are_found_by_app_function_and_state(tmp_path: Path) -> None:
    """The newest first, in parts."""
    with site(tmp_path) as shown:
        happen(shown, "shop", "sell", 60)
        happen(shown, "till", "count", 1, error="no change")

        def found(query: str) -> list[str]:
            return re.findall(r'<tr id="call-(fc-[\w-]+)"', shown.page(f"calls?{query}"))

        assert len(found("")) == 50
        assert len(found("page=2")) == 11
        assert found("state=failed") == ["fc-till-0"]
        assert found("app=till") == ["fc-till-0"]
        assert len(found("function=sell&page=2")) == 10
        assert found("app=till&function=sell") == []


def test_containers_are_found_and_those_that_are_gone_are_not_among_them(tmp_path: Path) -> None:
    """By app, function, id or GPU."""
    with site(tmp_path) as shown:
        assert "No container runs" in shown.page("containers")
        happen(shown, "shop")
        happen(shown, "till")
        assert "c-till" in shown.page("containers?search=TILL")
        assert "c-shop" not in shown.page("containers?search=till")
        exited = ContainerExited(container="c-shop", app="shop", function="sell", at=1.0, cause="out_of_memory")
        SessionActivity(shown.activity, "main").intermodal_container_exited([exited])
        assert "c-shop" not in shown.page("containers")
        assert "out_of_memory" in shown.page("apps/shop")


def test_names_of_strangers_are_shown_as_text_everywhere(tmp_path: Path) -> None:
    """In links as well."""
    with site(tmp_path) as shown:
        happen(shown, BAD, BAD, error=BAD)
        for path in ("apps", "calls", "containers"):
            assert "<script>alert" not in shown.page(path)
        page = shown.page("calls")
        (link,) = set(re.findall(r'href="(/dashboard/apps/[^"/]+)"', page))
        assert "<script>alert" not in shown.browser.get(link).text
