"""Usage: python -m screenshots DIRECTORY"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser

from browsers import browser_running

SHOP = Path(__file__).with_name("shop.py")
#: Width, height, whether the visitor wishes dark pages, and what is shown.
PICTURES = {
    "dashboard-app": (1180, 760, False, "apps/shop"),
    "dashboard-logs": (1180, 640, True, "logs?app=shop"),
    "dashboard-phone": (360, 720, False, "schedules"),
}
CALLS = """
import intermodal
sell = intermodal.Function.from_name("shop", "sell")
list(sell.map(range(400), return_exceptions=True))
"""


def main() -> None:
    """Take the pictures."""
    into = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="pictures-") as data, _serving(data) as url:
        environment = {**os.environ, "INTERMODAL_SERVER_URL": url, "INTERMODAL_DATA_DIR": f"{data}/client"}
        command = [sys.executable, "-m", "intermodal.cli"]
        for words in (("deploy", str(SHOP), "--tag", "spring"), ("schedule", "run", "shop", "count_till")):
            subprocess.run([*command, *words], env=environment, check=True)
        subprocess.run([sys.executable, "-c", CALLS], env=environment, check=True)
        for browser in browser_running():
            for name, (width, height, dark, path) in PICTURES.items():
                _take(browser, f"{url}/dashboard/{path}", into / f"{name}.png", width, height, dark=dark)


@contextmanager
def _serving(data: str) -> Iterator[str]:
    command = [sys.executable, "-m", "intermodal.cli", "server", "--port", "0"]
    environment = {**os.environ, "INTERMODAL_DATA_DIR": data}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        found = re.search(r"https?://\S+", server.stdout.readline())
        try:
            if found is None:
                raise SystemExit("the server does not start: what it says is above")
            yield found[0]
        finally:
            server.terminate()


def _take(browser: Browser, url: str, picture: Path, width: int, height: int, *, dark: bool) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        is_mobile=width < 500,
        locale="en-US",
        timezone_id="UTC",
    )
    page = context.new_page()
    page.goto(url)
    page.screenshot(path=picture)
    context.close()
    print(f"{picture}: {picture.stat().st_size >> 10} KiB")


main()
