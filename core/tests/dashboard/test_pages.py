"""What every page of the dashboard has in common."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from dashboard_site import ORIGIN, Site, site
from intermodal.dashboard.rendering import ago, exact, in_bytes, seconds
from intermodal.dashboard.text import harmless
from intermodal.server.version_table import Label

TEMPLATES = Path(__file__).parents[2] / "src" / "intermodal" / "dashboard" / "templates"


def deploy(shown: Site, app: str, count: int = 1, tag: str = "") -> None:
    """Have the database say that an app was deployed so often, the last version being live."""
    for number in range(1, count + 1):
        shown.versions.begin("main", app, "{}", warm=False, label=Label(tag=tag, author="me"))
        shown.versions.change("main", app, {number: "live" if number == count else "stopped"})


def test_each_answer_forbids_what_a_page_does_not_need(tmp_path: Path) -> None:
    """Pages, parts, files, errors and redirections."""
    with site(tmp_path) as shown:
        page = shown.page("apps")
        (sheet,) = re.findall(r'href="(/dashboard/static/[^"]+\.css)"', page)
        for path in ("/dashboard/apps", "/dashboard/", "/dashboard/nothing", "/dashboard/login", sheet):
            headers = shown.browser.get(path).headers
            policy = headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
            assert "unsafe" not in policy
            assert headers["x-frame-options"] == "DENY"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == ("no-store" if path != sheet else "public, max-age=31536000, immutable")


def test_every_file_that_a_page_names_is_there(tmp_path: Path) -> None:
    """And none is of another site."""
    with site(tmp_path) as shown:
        names = re.findall(r'(?:src|href)="([^"#]+)"', shown.page("apps"))
        assert {Path(name).suffix for name in names} >= {".css", ".js", ".svg"}
        for name in names:
            assert name.startswith("/dashboard")
            assert shown.browser.get(name).status_code in (200, 303)


def test_no_template_switches_escaping_off_or_has_inline_code() -> None:
    """What the policy of the pages forbids would not work anyway."""
    for path in TEMPLATES.glob("*.html"):
        text = path.read_text()
        found = re.search(r"\|\s*safe|autoescape|\bstyle=|\bon[a-z]+=|javascript:|<script(?! src=)|<style", text)
        assert found is None, f"{path.name}: {found}"


def test_an_app_is_shown_by_its_live_version(tmp_path: Path) -> None:
    """Or the newest, where none is live."""
    with site(tmp_path) as shown:
        deploy(shown, "shop", 3, tag="v<b>3</b>")
        shown.versions.begin("main", "shop", "{}", warm=False, label=Label())
        deploy(shown, "till", 2)
        shown.versions.change("main", "till", {2: "stopped"})
        rows = dict(re.findall(r'(?s)<tr id="app-(\w+)">(.*?)</tr>', shown.page("apps")))
        assert 'class="number"><span>3 <' in rows["shop"]
        assert "live" in rows["shop"]
        assert "v&lt;b&gt;3&lt;/b&gt;" in rows["shop"]
        assert 'class="number"><span>2<' in rows["till"]
        assert "stopped" in rows["till"]


def test_a_long_list_comes_in_parts(tmp_path: Path) -> None:
    """With links to the others, which keep what was searched for."""
    with site(tmp_path) as shown:
        for number in range(60):
            deploy(shown, f"app-{number:02}")
        deploy(shown, "other")
        first, second = shown.page("apps?search=app-"), shown.page("apps?search=app-&page=2")
        assert "1–50 of 60" in first
        assert "51–60 of 60" in second
        assert 'href="?search=app-&amp;page=2"' in first
        assert "other" not in first + second
        assert "app-49" in first
        assert "app-50" in second
        assert "No deployed app has" in shown.page("apps?search=100%25")


@pytest.mark.parametrize("page", ["0", "-1", "x", "1e3", "²", "9999999999999999999999"])
def test_a_part_that_is_none_is_refused(tmp_path: Path, page: str) -> None:
    """With words."""
    with site(tmp_path) as shown:
        answer = shown.browser.get("/dashboard/apps", params={"page": page})
        assert answer.status_code == 400
        assert "give a whole number" in answer.text


def test_a_page_that_is_not_there_says_so(tmp_path: Path) -> None:
    """In the dashboard's own look."""
    with site(tmp_path) as shown:
        answer = shown.browser.get("/dashboard/nothing/at/all")
        assert answer.status_code == 404
        assert "there is no such page" in answer.text


def test_a_form_counts_from_its_own_page_only(tmp_path: Path) -> None:
    """It takes the origin and the key; then the page says what is wrong with it."""
    with site(tmp_path) as shown:
        form = {"page_key": shown.key(), "action": "none"}
        post = shown.browser.post
        assert post("/dashboard/apps", data=form).status_code == 403
        others = ("null", "https://evil.example", "http://127.0.0.1:8701", "http://localhost:8700", "127.0.0.1:8700")
        for origin in others:
            assert post("/dashboard/apps", data=form, headers={"Origin": origin}).status_code == 403, origin
        own = {"Origin": ORIGIN}
        assert post("/dashboard/apps", data={**form, "page_key": "x"}, headers=own).status_code == 403
        assert post("/dashboard/apps", data={"action": "none"}, headers=own).status_code == 403
        site_says = {**own, "Sec-Fetch-Site": "same-site"}
        assert post("/dashboard/apps", data=form, headers=site_says).status_code == 403
        right = post("/dashboard/apps", data=form, headers=own)
        assert right.status_code == 400
        assert "no such button" in right.text
        assert post("/dashboard/apps", content=b"x" * 70_000, headers=own).status_code == 400


@given(st.text())
def test_harmless_text_has_nothing_that_cannot_be_seen(text: str) -> None:
    """What is harmless stays."""
    shown = harmless(text)
    assert isinstance(shown, str)
    assert harmless(shown) == shown
    assert not any(unicodedata.category(each) in ("Cc", "Cs") for each in shown if each not in "\t\n")
    for bad in "\x00\x1b\x7f\x9b\u202e\u2066\u200b\ufeff\u2028":
        assert bad not in shown
    if text.isascii() and text.isprintable():
        assert shown == text


def test_markup_of_our_own_and_numbers_are_left_alone() -> None:
    """They are no text of strangers."""
    assert harmless(Markup("<b>\x1b</b>")) == "<b>\x1b</b>"
    assert harmless(3) == 3


def test_times_and_amounts_are_shown_as_people_say_them() -> None:
    """Relative times go both ways."""
    assert [ago(100.0, now) for now in (100.5, 103.0, 220.0, 100.0 + 7200, 100.0 + 200_000)] == [
        "now",
        "3 s ago",
        "2 min ago",
        "2 h ago",
        "2 d ago",
    ]
    assert ago(200.0, 100.0) == "in 1 min"
    assert exact(0.25) == "1970-01-01 00:00:00.250 UTC"
    assert exact(1e300).startswith("9999-12-31")
    assert [seconds(span) for span in (None, 0.00123, 0.9, 0.9999, 12.34, 75, 3700, 90_000)] == [
        "–",
        "1.23 ms",
        "900 ms",
        "1 s",
        "12.3 s",
        "1 min 15 s",
        "1 h 1 min",
        "1 d 1 h",
    ]
    assert [in_bytes(size) for size in (0, 1023, 1024, 1536 << 10, 5 << 40)] == [
        "0 B",
        "1023 B",
        "1 KiB",
        "1.5 MiB",
        "5 TiB",
    ]


def test_deployments_of_all_apps_are_listed_the_last_one_first(tmp_path: Path) -> None:
    """With why they failed."""
    with site(tmp_path) as shown:
        deploy(shown, "shop")
        deploy(shown, "till", 2)
        shown.versions.begin("main", "till", "{}", warm=False, label=Label(tag="<i>"))
        shown.versions.change("main", "till", {3: "failed"}, "no image <b>")
        page = shown.page("deployments")
        assert re.findall(r'<tr id="deployment-([\w-]+)"', page) == ["till-3", "till-2", "till-1", "shop-1"]
        assert "no image &lt;b&gt;" in page
        assert "&lt;i&gt;" in page


def test_environments_are_chosen_from_where_there_are_more(tmp_path: Path) -> None:
    """Links stay in the one that is looked at."""
    with site(tmp_path) as shown:
        assert 'id="environments"' not in shown.page("apps")
        shown.make_environment("staging")
        shown.versions.begin("staging", "shop", "{}", warm=False, label=Label())
        assert 'href="/dashboard/apps?environment=staging"' in shown.page("apps")
        page = shown.page("apps?environment=staging")
        assert 'href="/dashboard/apps/shop?environment=staging"' in page
        assert 'href="/dashboard/deployments?environment=staging"' in page
        assert 'name="environment" value="staging"' in page
