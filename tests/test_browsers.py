"""The browser of tests sees what goes wrong in pages, and is never missing unseen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from browsers import PHONE_WIDTH, Visits
from served import served

ROOT = Path(__file__).parents[1]
SECONDS = 60
POLICY = """<meta http-equiv="Content-Security-Policy" content="script-src 'self'">"""


#: What is wrong with a page, and how it is told.
WRONG = {
    "<script>console.error('it is wrong')</script>": "console: it is wrong",
    "<script>setTimeout(() => { throw new Error('thrown') })</script>": "exception: .*thrown",
    "<script>alert('run')</script>": "dialog: run",
    f"{POLICY}<script>1</script>": "violates the following Content Security Policy",
    "<img src='http://other.test/1.png'>": "request to another site: http://other.test/1.png",
    "<img src='http://example.com/1.png'>": "ERR_NAME_NOT_RESOLVED",
    "<script src='none.js'></script>": "404",
}


def test_what_goes_wrong_in_a_page_fails_its_test(browser: Browser, tmp_path: Path) -> None:
    """It says what, and where a picture is; a test that provokes it says so."""
    with served(tmp_path) as host:
        visits = Visits(browser, tmp_path)
        page = visits(f"http://{host}")
        unmoved = Visits(browser, tmp_path)
        expecting = unmoved(f"http://{host}", allowed="")
        for number, (body, found) in enumerate(WRONG.items()):
            (tmp_path / f"{number}.html").write_text(f"<!doctype html><link rel=icon href='data:,'>{body}")
            page.goto(f"/{number}.html")
            expecting.goto(f"/{number}.html")
            deadline = time.monotonic() + SECONDS
            while not re.search(found, "\n".join(visits.problems)) and time.monotonic() < deadline:
                page.wait_for_timeout(10)  # meanwhile events arrive
            with pytest.raises(AssertionError, match=found) as failed:
                visits.check()
            assert str(tmp_path / "page-0.png") in str(failed.value)
            visits.problems.clear()
        assert (tmp_path / "page-0.png").read_bytes().startswith(b"\x89PNG")
        visits.end()
        unmoved.end()


def test_visitors_have_phones_and_wishes(tmp_path: Path, visit: Visits) -> None:
    """A phone is 360 pixels wide; dark pages are a wish; nobody has another's cookies."""
    (tmp_path / "index.html").write_text(
        "<!doctype html><link rel=icon href='data:,'><meta name=viewport content='width=device-width'><title>a</title>"
    )
    with served(tmp_path) as host:
        phone, desk = visit(f"http://{host}", phone=True, dark=True), visit(f"http://{host}")
        for page in (phone, desk):
            page.goto("/")
        dark = "matchMedia('(prefers-color-scheme: dark)').matches"
        assert phone.evaluate(f"[innerWidth, {dark}]") == [PHONE_WIDTH, True]
        assert desk.evaluate(dark) is False
        phone.evaluate("document.cookie = 'a=b'")
        assert desk.evaluate("document.cookie") == ""


def test_continuous_integration_fails_without_a_browser(tmp_path: Path) -> None:
    """Elsewhere tests that need it are skipped. Both say how to have one."""
    test = tmp_path / "test_one.py"
    test.write_text("def test_one(visit):\n    pass\n")
    words = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "browsers", "-q", str(test)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    env = {**clean, "PYTHONPATH": str(ROOT / "tests" / "support"), "PATH": str(tmp_path), "CI": "true"}
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "there is no browser: none of chromium" in done.stdout
