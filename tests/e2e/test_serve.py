"""`intermodal serve`: web functions under work."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator

import httpx
import pytest
from server_process import elsewhere
from server_process import serving as server_at
from workplace import Workplace

SECONDS = 60

PAGE = """
    import intermodal

    app = intermodal.App("page")

    async def answer(scope, receive, send):
        assert scope["type"] == "http"
        await send({{"type": "http.response.start", "status": 200, "headers": []}})
        await send({{"type": "http.response.body", "body": {body}}})

    @app.function(max_containers=1)
    @intermodal.asgi_app()
    def web():
        return answer
"""


@pytest.fixture
def serving(place: Workplace) -> Iterator[subprocess.Popen[str]]:
    place.write("page.py", PAGE.format(body='b"one"'))
    process = place.start("-m", "intermodal.cli", "serve", "-q", "page.py", stderr=subprocess.STDOUT)
    yield process
    process.kill()
    process.communicate()


def line(process: subprocess.Popen[str], within: str) -> str:
    """The next line of its output that has this in it."""
    assert process.stdout is not None
    for text in process.stdout:
        if within in text:
            return text.strip()
    raise AssertionError(f"it has ended without {within!r}")


def get(url: str) -> str:
    return httpx.get(url, timeout=SECONDS, trust_env=False).text


@pytest.mark.one_user
def test_a_saved_file_is_served_at_the_same_url(serving: subprocess.Popen[str], place: Workplace) -> None:
    """The changed file is named; what is no Python changes nothing; Ctrl-C ends it, and nothing is left."""
    url = line(serving, "web => ").removeprefix("web => ")
    assert get(url) == "one"
    place.write("page.py", PAGE.format(body='b"two"'))
    assert line(serving, "changed") == "page.py changed: starting again"
    assert line(serving, "web => ") == f"web => {url}"
    assert get(url) == "two"
    place.write("page.py", "import intermodal\nthis is no Python\n")
    line(serving, "SyntaxError")
    line(serving, "page.py changed: what ran goes on until this is mended")
    assert get(url) == "two"
    place.write("page.py", PAGE.format(body='b"three"'))
    assert line(serving, "web => ") == f"web => {url}"
    assert get(url) == "three"
    serving.send_signal(signal.SIGINT)
    assert serving.wait(SECONDS) == 0


@pytest.mark.one_user
def test_nothing_outlives_a_serve_that_is_killed(serving: subprocess.Popen[str]) -> None:
    """Not even by kill -9: its port is free again."""
    url = line(serving, "web => ").removeprefix("web => ")
    assert get(url) == "one"
    serving.kill()
    assert serving.stdout is not None
    serving.stdout.read()  # until the last process that writes there has ended
    with pytest.raises(httpx.ConnectError):
        get(url)


@pytest.mark.one_user
def test_an_app_is_chosen_by_name(place: Workplace) -> None:
    """One that is not there is refused with those that are."""
    place.write("page.py", PAGE.format(body='b"one"'))
    done = place.intermodal("serve", "--no-reload", "page.py::other")
    assert (done.returncode, "page.py has no app 'other'. Apps: app" in done.stderr) == (2, True)


@pytest.mark.one_user
def test_a_server_that_dies_is_told(place: Workplace) -> None:
    """`serve` does not wait for ever at one that is gone."""
    place.write("page.py", PAGE.format(body='b"one"'))
    place.environment["INTERMODAL_DATA_DIR"] = str(place.directory / "server")
    with server_at(place, "--set", "client_lease_s=0.5") as server:
        client = elsewhere(server, place)
        process = place.start("-m", "intermodal.cli", "serve", "-q", "--no-reload", "page.py", env=client)
        try:
            line(process, "web => ")
            server.process.kill()
            assert process.wait(SECONDS) == 1
            assert process.stderr is not None
            assert "connection to" in process.stderr.read()
        finally:
            process.kill()
            process.communicate()
