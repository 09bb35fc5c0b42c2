"""`intermodal server`: apps of other processes, over one port."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from server_process import Server, elsewhere, serving
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from workplace import Done, Workplace

from intermodal.wire.frame import FrameReader, encode
from processes import command_lines

SHIP = """
    import intermodal

    app = intermodal.App("ship")
    volume = intermodal.Volume.from_name("hold", create_if_missing=True)

    @app.function()
    def square(x):
        print("squaring", x)
        return x * x

    @app.function()
    def total(n):
        return sum(square.map(range(n)))

    @app.function()
    def count(n):
        yield from range(n)

    @app.function()
    def length(data):
        return len(data)

    @app.function()
    def sink():
        raise ValueError("no")

    @app.function(volumes={"/hold": volume}, secrets=[intermodal.Secret.from_name("chart")])
    def stow(size):
        import os
        with open("/hold/cargo", "wb") as file:
            file.write(bytes(size))
        volume.commit()
        return os.environ["PORT"]

    @app.local_entrypoint()
    def main():
        assert square.local(3) == square.remote(3) == 9
        assert total.remote(5) == 30
        assert list(count.remote_gen(4)) == [0, 1, 2, 3]
        assert sorted(square.map(range(3), order_outputs=False)) == [0, 1, 4]
        assert square.spawn(5).get() == 25
        assert stow.remote(1000) == "Bergen"
        assert len(b"".join(volume.read_file("cargo"))) == 1000
        assert length.remote(bytes(3_000_000)) == 3_000_000
        line = intermodal.Queue.from_name("line", create_if_missing=True)
        line.put(b"item")
        assert line.get() == b"item"
        box = intermodal.Sandbox.create(app=app)
        assert box.exec("echo", "hi").stdout.read() == "hi\\n"
        sink.remote()
"""


@pytest.fixture
def server(place: Workplace) -> Iterator[Server]:
    with serving(place) as running:
        yield running
        if running.process.poll() is None:
            running.end()


def test_an_app_runs_there_as_it_does_here(server: Server, place: Workplace) -> None:
    """Calls of all kinds, files, a volume, a secret, a queue, a sandbox; output and the remote traceback come back."""
    place.write("ship.py", SHIP)
    client = elsewhere(server, place)
    assert place.intermodal("secret", "create", "chart", "PORT=Bergen", env=client).returncode == 0
    done = place.intermodal("run", "ship.py", env=client)
    assert done.returncode == 1
    assert 'raise ValueError("no")' in done.stderr
    assert done.stderr.rstrip().endswith("ValueError: no")
    assert "| squaring 3" in done.stdout
    listed = place.intermodal("volume", "ls", "hold", env=client)
    assert "cargo" in listed.stdout, listed.stderr
    queues = json.loads(place.intermodal("queue", "list", "--json", env=client).stdout)
    assert "line" in [row["name"] for row in queues]
    assert not (place.directory / "client" / "blobs").exists()


@pytest.mark.one_user
def test_clients_need_a_token_where_it_is_required(place: Workplace) -> None:
    """None, a wrong one and a revoked one are refused in a line; a good one opens, and nobody is shown it."""
    with serving(place, "--require-token") as server:
        token = place.intermodal("token", "create", "laptop").stdout.strip()
        assert json.loads(place.intermodal("token", "ls", "--json").stdout)[0]["name"] == "laptop"
        again = place.intermodal("token", "create", "laptop")
        assert (again.returncode, token in again.stderr) == (1, False)
        for wrong, why in (("", "wants a token"), ("imt-wrong", "does not know this token")):
            refused = place.intermodal("queue", "list", env={**elsewhere(server, place), "INTERMODAL_TOKEN": wrong})
            assert refused.returncode == 1
            assert f"error: the server {why}" in refused.stderr
        client = {**elsewhere(server, place), "INTERMODAL_TOKEN": token}
        assert place.intermodal("queue", "create", "admitted", env=client).returncode == 0
        assert token not in place.intermodal("config", env=client).stdout
        assert place.intermodal("token", "revoke", "laptop").returncode == 0
        assert "does not know this token" in place.intermodal("queue", "list", env=client).stderr
        assert token.encode() not in b"".join(path.read_bytes() for path in place.data.glob("server.db*"))
        for path in ("healthz", "readyz"):
            with urllib.request.urlopen(f"{server.url}/{path}") as answer:
                assert json.load(answer) == {"status": "ok"}
        server.end()


WAITS = """
    import sys, time, intermodal
    app = intermodal.App("waits")

    @app.function(serialized=True)
    def wait(mark):
        import subprocess
        subprocess.run(["sleep", mark])

    if __name__ == "__main__":
        with app.run():
            wait.remote(sys.argv[1].removeprefix("mark="))
"""


def until(running: bool, mark: str) -> None:
    """A process with that argument runs, or none does."""
    deadline = time.monotonic() + 60
    while any(mark.encode() in line.split(b"\0") for _, line in command_lines()) is not running:
        assert time.monotonic() < deadline
        time.sleep(0.02)


SLOW = """
    import sys, intermodal
    app = intermodal.App("slow")
    image = intermodal.Image.debian_slim().run_commands(f"sleep {sys.argv[1].removeprefix('mark=')}")

    if __name__ == "__main__":
        with app.run():
            image.build(app)
"""


@pytest.mark.one_user
@pytest.mark.parametrize("program", [WAITS, SLOW], ids=["call", "build"])
def test_an_app_ends_with_its_client(server: Server, place: Workplace, program: str) -> None:
    """Also when that is killed: nothing of it runs on (app.ephemeral). A build is not waited for: the server ends at
    once when it is told to."""
    place.write("app.py", program)
    mark = f"7{os.getpid()}.{len(program)}"
    client = place.start("app.py", f"mark={mark}", env=elsewhere(server, place))
    until(True, mark)
    client.kill()
    client.communicate()
    until(False, mark)


@pytest.mark.one_user
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_clients_hear_that_the_server_has_ended(place: Workplace, how: signal.Signals) -> None:
    """With a message and an exit code, where it does not come back; what ran there is gone, and after SIGKILL, too."""
    with serving(place, "--set", "client_lease_s=0.5") as server:
        place.write("waits.py", WAITS)
        mark = f"8{os.getpid()}.{int(how)}"
        client = place.start("waits.py", f"mark={mark}", env=elsewhere(server, place))
        until(True, mark)
        server.process.send_signal(how)
        _, errors = client.communicate(timeout=60)
        assert client.returncode == 1
        assert "ConnectionError: the connection to the server" in errors
        assert "did not come back in 0.5 s" in errors
        until(False, mark)
        server.process.communicate(timeout=60)


def frame(header: dict[str, Any], *segments: bytes) -> bytes:
    """As it travels."""
    return b"".join(encode(header, segments))


def said_to(url: str, *frames: bytes, origin: str | None = None) -> dict[str, Any]:
    """The last frame that comes back before the server hangs up."""
    headers: list[dict[str, Any]] = []
    with connect(url, compression=None, origin=origin) as socket:
        try:
            for frame in frames:
                socket.send(frame)
            while True:
                headers += [header for header, _ in FrameReader().feed(bytes(socket.recv(timeout=60)))]
        except ConnectionClosed:
            return headers[-1]


@pytest.mark.one_user
def test_what_breaks_the_protocol_is_refused(server: Server) -> None:
    """Bytes that are no frame, frames before their time, another version, pages of web sites: each is told so, and
    the server goes on."""
    url = server.url.replace("http", "ws") + "/v1/connect"
    hello = {"t": "hello", "protocol": 1, "environment": ""}
    for frames, said in (
        ([b"\xff" * 100], "frame too large"),
        ([frame({"t": "submit"})], "'submit' before hello"),
        ([frame({**hello, "protocol": 999})], "protocol 999"),
        ([frame(hello), frame({"t": "submit", "call": "x"})], "before the app has begun"),
        ([frame(hello), frame({"t": "request"})], "KeyError"),
    ):
        answer = said_to(url, *frames)
        assert answer["t"] == "refused"
        assert said in answer["message"]
    for origin in ("https://elsewhere.example", server.url):
        assert "web sites" in said_to(url, origin=origin)["message"]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{server.url}/nothing")


@pytest.mark.one_user
def test_requests_that_make_no_sense_are_answered(server: Server) -> None:
    """With the name of an error; the connection goes on."""
    url = server.url.replace("http", "ws") + "/v1/connect"
    with connect(url, compression=None) as socket:
        socket.send(frame({"t": "hello", "protocol": 1, "environment": ""}))
        socket.recv(timeout=60)
        for number, (method, params) in enumerate(
            (
                ("blobs.put", {"blob": "../up", "last": True}),
                ("blobs.put", {"blob": "0" * 64, "last": True}),
                ("blobs.missing", {}),
                ("app.begin", {"app": {"type": "AppSpec"}, "secrets": {}, "build_secrets": {}}),
                ("app.build", {"image": {}, "secrets": {}}),
                ("secret.create", {"name": "../up", "environment": "main", "values": {}, "overwrite": False}),
                ("secret.steal", {"environment": "main"}),
                ("call.output", {"call": "fc-none", "index": 0, "timeout": 0}),
                ("nonsense", {}),
            )
        ):
            socket.send(frame({"t": "request", "id": number, "method": method, "params": params}, b"x"))
            ((header, _),) = FrameReader().feed(bytes(socket.recv(timeout=60)))
            error = "NotFoundError" if method == "call.output" else "InvalidError"
            assert (header["id"], header["ok"], header["error"]) == (number, False, error), method


@pytest.mark.one_user
@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "127.0.0.1:8700", "ftp://x"])
def test_where_no_server_answers(place: Workplace, url: str) -> None:
    """One line that says what to do."""
    done: Done = place.intermodal("queue", "list", env={"INTERMODAL_SERVER_URL": url})
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "intermodal server" in done.stderr or "write http(s)://HOST" in done.stderr


@pytest.mark.one_user
def test_the_address_must_be_free(server: Server, place: Workplace) -> None:
    """And says so."""
    port = server.url.rpartition(":")[2]
    done = place.intermodal("server", "--port", port, env={"INTERMODAL_DATA_DIR": str(place.directory / "other")})
    assert done.returncode == 1
    assert f"cannot listen at 127.0.0.1 port {port}" in done.stderr


@pytest.mark.one_user
def test_a_data_directory_has_one_server(server: Server, place: Workplace) -> None:
    """Who comes second hears where the first one is. One that was killed is in nobody's way, nor is what it left."""
    done = place.intermodal("server", "--port", "0")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"in use by another server (process {server.process.pid} at {server.url})" in done.stderr
    assert "INTERMODAL_DATA_DIR" in done.stderr
    left = place.data / "arriving" / "left" / "0"
    left.parent.mkdir(parents=True)
    left.touch()
    server.process.kill()
    with serving(place) as again:
        assert not left.exists()
        again.end()
    server.process.wait(timeout=60)


@pytest.mark.one_user
@pytest.mark.parametrize(
    ("options", "data", "message"),
    [
        (["--backend", "nope"], "data", "the backend 'nope' (from command line) is not installed"),
        (["--plugin", "nope"], "data", "there is no plugin 'nope' (from command line)"),
        ([], "/proc/nope", "the data directory /proc/nope cannot be used"),
    ],
)
def test_a_server_that_cannot_start_says_why(place: Workplace, options: list[str], data: str, message: str) -> None:
    """In a line."""
    environment = {"INTERMODAL_DATA_DIR": str(place.directory / data)}
    done = place.intermodal("server", "--port", "0", *options, env=environment)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert done.stderr.startswith(f"error: {message}")
