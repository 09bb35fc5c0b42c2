"""A real browser for tests: Debian's chromium, without a window, with no network but this machine. A plugin of pytest.

A test that takes `visit` opens pages with it. A test fails by what goes wrong in them, too: an exception, an error in
the console (a violation of the page's content security policy is one), a dialog, a request to any other site.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:  # else every run of pytest would wait for it
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request

__all__ = ["DESKTOP_WIDTH", "PHONE_WIDTH", "Visits", "browser_running"]

PHONE_WIDTH = 360
DESKTOP_WIDTH = 1280
SECONDS = 60
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_THIS_MACHINE = ("*.localhost", "localhost", "127.0.0.1")
_ADVICE = "`make venv` as root on Debian installs chromium; elsewhere install it your own way"
#: Every name below .test is this machine, so that pages of other sites can be tried; no other machine exists.
_NAMES_RESOLVED = ("MAP *.test 127.0.0.1", *map("EXCLUDE {}".format, _THIS_MACHINE), "MAP * ~NOTFOUND")
_NO_NETWORK = ("--no-proxy-server", f"--host-resolver-rules={', '.join(_NAMES_RESOLVED)}")


def browser_running() -> Iterator[Browser]:
    """The browser, for as long as the iterator is not closed. Raises `FileNotFoundError` where none is installed.

    Meanwhile `asyncio.run` is refused in this thread, where playwright's own loop is suspended.
    """
    from playwright.sync_api import expect, sync_playwright

    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        raise FileNotFoundError(f"there is no browser: none of {', '.join(_NAMES)} is here; {_ADVICE}")
    expect.set_options(timeout=SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_NO_NETWORK, timeout=SECONDS * 1000)
        yield browser
        browser.close()


class Visits:
    """Opens pages, each for a visitor with cookies and storage of their own, and keeps what goes wrong in them.

    Args:
        pictures: where pictures of pages go whose test fails.

    Attributes:
        problems: what went wrong so far.
    """

    def __init__(self, browser: Browser, pictures: Path) -> None:
        self._browser = browser
        self._pictures = pictures
        self._contexts: list[BrowserContext] = []
        self.problems: list[str] = []

    def __call__(self, site: str, *, phone: bool = False, dark: bool = False, allowed: str | None = None) -> Page:
        """A new visitor's page, which shows nothing yet; its relative URLs are below `site`.

        Args:
            phone: 360 pixels wide and touched, instead of a window on a desk.
            dark: the visitor wishes dark pages.
            allowed: a pattern of the problems that the test provokes.
        """
        size = {"width": PHONE_WIDTH, "height": 740} if phone else {"width": DESKTOP_WIDTH, "height": 800}
        context = self._browser.new_context(
            base_url=site,
            viewport=size,  # type: ignore[arg-type]
            has_touch=phone,
            is_mobile=phone,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            locale="en-US",
            timezone_id="UTC",
        )
        self._contexts.append(context)
        context.set_default_timeout(SECONDS * 1000)

        def problem(text: str) -> None:
            if allowed is None or not re.search(allowed, text):
                self.problems.append(text)

        def said(message: ConsoleMessage) -> None:
            if message.type == "error":
                problem(f"console: {message.text} ({message.location.get('url')})")

        def asked(request: Request) -> None:
            to, home = urlsplit(request.url), urlsplit(site)
            if to.scheme not in ("data", "blob", "about") and to.netloc != home.netloc:
                problem(f"request to another site: {request.url}")

        def stopped_by(dialog: Dialog) -> None:
            problem(f"dialog: {dialog.message}")
            dialog.dismiss()

        context.on("console", said)
        context.on("request", asked)
        context.on("dialog", stopped_by)
        context.on("weberror", lambda error: problem(f"exception: {error.error}"))
        return context.new_page()

    def pictures(self) -> str:
        """Take a picture of each page that is open. Returns, one a line, what is shown and where the picture is."""
        lines = list[str]()
        for page in [page for context in self._contexts for page in context.pages]:
            picture = self._pictures / f"page-{len(lines)}.png"
            page.screenshot(path=picture, full_page=True)
            lines.append(f"{page.url}: {picture}")
        return "\n".join([*lines, *self.problems])

    def check(self) -> None:
        """Raises `AssertionError` for what went wrong in the pages."""
        assert not self.problems, f"problems in pages:\n{self.pictures()}"

    def end(self) -> None:
        """Close all pages, after a last look whether something went wrong in them."""
        try:
            self.check()
        finally:
            for context in self._contexts:
                context.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser. It is started for each module, since others could not use asyncio in this process meanwhile."""
    try:
        yield from browser_running()
    except FileNotFoundError as error:
        (pytest.fail if os.environ.get("CI", "").lower() == "true" else pytest.skip)(str(error))


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Visits]:
    """Opens pages."""
    visits = Visits(browser, tmp_path)
    yield visits
    visits.end()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the pages of a failed test look like."""
    report = yield
    visits = getattr(item, "funcargs", {}).get("visit")
    if call.when == "call" and report.failed and isinstance(visits, Visits):
        report.sections.append(("pages", visits.pictures()))
    return report
