"""Who sees the dashboard: by token, by session, and from which page."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard_site import ORIGIN, key_in, site
from intermodal.dashboard.sessions import LASTS_S, Attempts, Sessions


def test_on_a_loopback_address_nobody_logs_in(tmp_path: Path) -> None:
    """As for all that the server does; the login page leads on."""
    with site(tmp_path) as shown:
        assert "No app is deployed" in shown.page("apps")
        answer = shown.browser.get("/dashboard/login")
        assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard/")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8700", "127.0.0.1.evil.example", ""])
def test_a_name_that_may_be_another_sites_shows_nothing(tmp_path: Path, host: str) -> None:
    """A page whose site has been given this machine's address would have the same origin (DNS rebinding)."""
    with site(tmp_path) as shown:
        assert shown.browser.get("/dashboard/apps", headers={"Host": host}).status_code == 403


def test_without_a_session_every_page_leads_to_the_login(tmp_path: Path) -> None:
    """And the login back to the page, with its question."""
    with site(tmp_path, wants_token=True) as shown:
        answer = shown.browser.get("/dashboard/apps?search=a%20b")
        assert answer.status_code == 303
        login = shown.browser.get(answer.headers["location"])
        assert "/dashboard/login?next=%2Fdashboard%2Fapps%3Fsearch%3Da%2520b" in login.text
        token = shown.tokens.create("laptop")
        into = shown.browser.post(answer.headers["location"], data={"token": token}, headers={"Origin": ORIGIN})
        assert (into.status_code, into.headers["location"]) == (303, "/dashboard/apps?search=a%20b")
        assert "Logged in with the token laptop" in shown.page("apps")


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "/dashboard/\n", "/dashboard/login", "/v1"],
)
def test_logging_in_leads_to_no_other_site(tmp_path: Path, wanted: str) -> None:
    """Whatever a link to the login page says."""
    with site(tmp_path, wants_token=True) as shown:
        token = shown.tokens.create("laptop")
        form = {"data": {"token": token}, "headers": {"Origin": ORIGIN}, "params": {"next": wanted}}
        assert shown.browser.post("/dashboard/login", **form).headers["location"] == "/dashboard/"


def test_the_sessions_cookie_is_for_this_site_and_no_script(tmp_path: Path) -> None:
    """The token is in no cookie, no URL and no page."""
    with site(tmp_path, wants_token=True) as shown:
        token = shown.tokens.create("laptop")
        answer = shown.browser.post("/dashboard/login", data={"token": token}, headers={"Origin": ORIGIN})
        cookie = answer.headers["set-cookie"]
        assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/dashboard", "Max-Age="))
        assert "Secure" not in cookie
        assert token not in cookie + answer.headers["location"] + shown.page("apps")
        secure = shown.browser.post(
            "https://127.0.0.1:8700/dashboard/login",
            data={"token": token},
            headers={"Origin": "https://127.0.0.1:8700", "Cookie": ""},
        )
        assert "Secure" in secure.headers["set-cookie"]


def test_a_session_ends_with_its_token(tmp_path: Path) -> None:
    """Also where another token is given the same name."""
    with site(tmp_path, wants_token=True) as shown:
        assert shown.log_in(shown.tokens.create("laptop")) == 303
        assert shown.browser.get("/dashboard/apps").status_code == 200
        shown.tokens.revoke("laptop")
        shown.tokens.create("laptop")
        assert shown.browser.get("/dashboard/apps").status_code == 303
        assert shown.browser.get("/dashboard/apps", headers={"X-Intermodal-Page": "x"}).status_code == 401


def test_logging_out_ends_the_session_for_everybody_who_has_its_cookie(tmp_path: Path) -> None:
    """And only a page of the session can log out."""
    with site(tmp_path, wants_token=True) as shown:
        shown.log_in(shown.tokens.create("laptop"))
        cookies, form = dict(shown.browser.cookies), {"page_key": shown.key()}
        assert shown.browser.post("/dashboard/logout", data=form).status_code == 403
        assert shown.browser.post("/dashboard/logout", headers={"Origin": ORIGIN}).status_code == 403
        assert shown.browser.post("/dashboard/logout", data=form, headers={"Origin": ORIGIN}).status_code == 303
        assert shown.browser.get("/dashboard/apps").status_code == 303
        shown.browser.cookies.update(cookies)
        assert shown.browser.get("/dashboard/apps").status_code == 303


def test_wrong_tokens_are_limited_in_rate(tmp_path: Path) -> None:
    """The right one waits then, too; and a form of another site is not even looked at."""
    with site(tmp_path, wants_token=True) as shown:
        token = shown.tokens.create("laptop")
        from_elsewhere = shown.browser.post(
            "/dashboard/login", data={"token": token}, headers={"Origin": "https://evil.example"}
        )
        assert (from_elsewhere.status_code, "set-cookie" in from_elsewhere.headers) == (403, False)
        assert [shown.log_in(f"wrong-{number}") for number in range(11)] == [403] * 10 + [429]
        assert shown.log_in(token) == 429


def test_attempts_of_one_address_are_forgotten_after_a_while() -> None:
    """Those of other addresses are their own."""
    now = [100.0]
    attempts = Attempts(lambda: now[0])
    for _ in range(10):
        attempts.failed("a")
        now[0] += 1
    assert (attempts.wait_s("a"), attempts.wait_s("b")) == (50.0, 0.0)
    now[0] += 50
    assert attempts.wait_s("a") == 0.0
    attempts.failed("a")
    assert attempts.wait_s("a") == 1.0


def test_sessions_end_by_themselves() -> None:
    """After a week."""
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    id = sessions.begin("digest")
    now[0] = LASTS_S - 1
    assert sessions.get(id) is not None
    now[0] = LASTS_S
    assert sessions.get(id) is None


def test_scripts_that_do_not_know_a_pages_key_read_nothing(tmp_path: Path) -> None:
    """Pages of apps may have the dashboard's origin: they cannot read it, so they know no key."""
    with site(tmp_path) as shown:
        get = shown.browser.get
        script = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"}
        frame = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
        assert get("/dashboard/apps", headers=script).status_code == 403
        assert get("/dashboard/apps", headers=frame).status_code == 403
        assert get("/dashboard/apps", headers={**script, "X-Intermodal-Page": "wrong"}).status_code == 403
        page = get("/dashboard/apps", headers={"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"})
        part = get("/dashboard/apps", headers={**script, "X-Intermodal-Page": key_in(page.text)})
        assert part.status_code == 200
        assert "No app is deployed" in part.text
        assert "<head>" not in part.text


def test_the_key_of_one_session_is_not_anothers(tmp_path: Path) -> None:
    """Nor that of a server that wants no token."""
    with site(tmp_path, wants_token=True) as shown:
        keys = []
        for name in ("laptop", "phone"):
            shown.browser.cookies.clear()
            shown.log_in(shown.tokens.create(name))
            keys.append(shown.key())
        assert keys[0] != keys[1]
        assert shown.browser.get("/dashboard/apps", headers={"X-Intermodal-Page": keys[0]}).status_code == 403
