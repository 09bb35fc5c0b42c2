"""Volumes of a real server in its dashboard, as a browser shows and keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect
from server_process import Server, serving
from workplace import Workplace

from browsers import Visits

#: A file that would run in whoever shows it, and its name in whoever prints it.
PAGE = "<script>document.title = 'ran'</script><svg onload=\"document.title = 'ran'\"/>"
NAME = 'a"b;c\n<img src=x onerror="document.title = \'ran\'">é.svg'
LARGE = bytes(range(256)) * (40 << 10) + b"end"


@pytest.fixture
def server(place: Workplace) -> Iterator[Server]:
    """One with a volume that has files."""
    files = place.directory / "files"
    (files / "deep" / "er").mkdir(parents=True)
    (files / "deep" / "er" / "a.txt").write_text("abc")
    (files / "large.bin").write_bytes(LARGE)
    (files / "page.html").write_text(PAGE)
    (files / NAME).write_text(PAGE)
    with serving(place) as running:
        for words in (("create", "cargo"), ("put", "cargo", str(files), "/files")):
            done = place.intermodal("volume", *words, env=running.environment)
            assert done.returncode == 0, done.stderr
        yield running
        running.end()


@pytest.mark.one_user
def test_files_are_browsed_and_kept_but_never_shown(server: Server, visit: Visits, tmp_path: Path) -> None:
    """volume.client: directories first; a browser keeps a file whole under its own name and runs nothing of it; what
    is not there says so."""
    page = visit(server.url)
    page.goto("/dashboard/volumes")
    page.get_by_role("link", name="cargo", exact=True).click()
    names = page.locator("tbody th")
    expect(names).to_have_text(["files/"])
    page.get_by_role("link", name="files/").click()
    expect(names.first).to_have_text("deep/")
    expect(names).to_have_count(4)
    expect(page.locator("tr", has=page.get_by_text("large.bin", exact=True))).to_contain_text("10 MiB")
    for name, content in ((NAME, PAGE.encode()), ("large.bin", LARGE), ("page.html", PAGE.encode())):
        with page.expect_download() as kept:
            page.get_by_label(f"Download {name.splitlines()[0]}").click()
        kept.value.save_as(tmp_path / "kept")
        assert (tmp_path / "kept").read_bytes() == content
    page.get_by_role("link", name="deep/").click()
    page.get_by_role("link", name="er/").click()
    expect(names).to_have_text(["a.txt"])
    page.get_by_role("link", name="/", exact=True).click()
    expect(names).to_have_text(["files/"])
    expect(page).to_have_title("cargo · Intermodal")

    with httpx.Client(base_url=f"{server.url}/dashboard/volumes/", trust_env=False, timeout=60) as client:
        answer = client.get("cargo/file", params={"path": f"files/{NAME}"})
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''a%22b%3Bc%0A%3Cimg")
        for path in ("none", "cargo?path=none", "cargo?path=files/page.html", "cargo/file?path=files"):
            assert client.get(path).status_code == 404, path
        for path in ("cargo?path=../x", "cargo/file?path=../../etc/passwd", "cargo/file?path=%00"):
            assert client.get(path).status_code in (400, 404), path
