"""What containers print is kept by the server: read, searched and followed from elsewhere (log.lines)."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from server_process import Server, elsewhere, serving
from workplace import Workplace

HOSTILE = ["\x1b[2J\x1b[31mred", "<script>alert(1)</script>", "a\0b", "x" * 1_000_000, "{" * 900 + "}" * 900]
SHOP = f"""
    import os, sys
    import intermodal

    app = intermodal.App(os.environ.get("NAME", "shop"))

    @app.function()
    def sell(customer):
        print("sold to", customer)
        print("METRIC price=7nok")
        print('{{"level": "error", "user": {{"id": 42}}, "customer": "' + customer + '"}}', file=sys.stderr)

    @app.function()
    def shout():
        for line in {HOSTILE!r}:
            print(line)
        os.write(1, b"raw \\xff bytes\\n")

    @app.function()
    def fail(customer):
        print("serving", customer)
        raise LookupError("no such customer: " + customer)

    @app.local_entrypoint()
    def failing():
        call = fail.spawn("Zoe")
        try:
            call.get()
        except LookupError:
            pass
        try:
            fail.remote("Bob")
        except LookupError:
            pass

    @app.local_entrypoint()
    def main(customer: str):
        sell.remote(customer)

    @app.local_entrypoint()
    def hostile():
        shout.remote()
"""


@pytest.fixture
def server(place: Workplace) -> Iterator[Server]:
    with serving(place) as running:
        yield running
        running.end()


def run(place: Workplace, server: Server, target: str, *words: str, **environment: str) -> None:
    """Run the app (`NAME`: called that) at the server; its lines are kept when it has ended."""
    place.write("shop.py", SHOP)
    command = ("-m", "intermodal.cli", "run", f"shop.py::{target}", *words)
    program = place.start(*command, env={**elsewhere(server, place), **environment}, stdout=subprocess.DEVNULL)
    _, errors = program.communicate(timeout=120)
    assert program.returncode == 0, errors


def logs(place: Workplace, server: Server, *options: str) -> list[dict[str, Any]]:
    """The lines that the command finds."""
    done = place.intermodal("app", "logs", "shop", "--json", *options, env=elsewhere(server, place))
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def follow(place: Workplace, server: Server, *options: str) -> subprocess.Popen[str]:
    """A process that prints lines as they come."""
    words = ("-m", "intermodal.cli", "app", "logs", "stall", "--json", "--follow", *options)
    return place.start(*words, env=elsewhere(server, place))


def line_of(follower: subprocess.Popen[str]) -> dict[str, Any]:
    """Its next line."""
    assert follower.stdout is not None
    found: dict[str, Any] = json.loads(follower.stdout.readline())
    return found


@pytest.mark.one_user
def test_lines_outlive_their_app_and_are_found(server: Server, place: Workplace) -> None:
    """By function, call, level, text, fields, time and number; bytes are exact, hostile ones too."""
    run(place, server, "main", "--customer", "Ada")
    run(place, server, "hostile")
    (sold,) = logs(place, server, "--function", "sell", "--search", "SOLD")
    assert sold["text"] == "sold to Ada"
    (record,) = logs(place, server, "--level", "error", "--field", "user.id=42", "--since", "1h")
    assert (record["stream"], record["fields"]["customer"]) == (2, "Ada")
    assert record in logs(place, server, "--call", record["call"], "--container", record["container"])
    assert logs(place, server, "--until", "1h") == []
    for words, said in (
        (["shpo"], "did you mean 'shop'?"),
        (["shop", "--function", "sel"], "did you mean 'sell'?"),
        (["shop", "--call", "fc-none"], "no line of a call 'fc-none'"),
    ):
        unknown = place.intermodal("app", "logs", *words, env=elsewhere(server, place))
        assert (unknown.returncode, unknown.stdout, said in unknown.stderr) == (1, "", True), unknown.stderr
    with urllib.request.urlopen(f"{server.url}/v1/metrics?app=shop&name=price") as answer:
        (series,) = json.load(answer)["series"]
    assert (series["function"], series["unit"], [point["mean"] for point in series["points"]]) == ("sell", "nok", [7.0])
    with urllib.request.urlopen(f"{server.url}/metrics") as answer:
        figures = answer.read().decode()
    assert (
        'intermodal_inputs_ended_total{app="shop",environment="main",function="sell",state="succeeded"} 1.0' in figures
    )
    assert 'intermodal_metric{app="shop",environment="main",function="sell",name="price",unit="nok"} 7.0' in figures
    assert 'intermodal_calls_running{app="shop",environment="main",function="sell"} 0.0' in figures
    events = urllib.request.Request(
        f"{server.url}/v1/logs?app=shop&search=nowhere", headers={"Accept": "text/event-stream"}
    )
    with urllib.request.urlopen(events) as stream:
        assert stream.readline().startswith(b"id: ")  # where to resume, without any line
    everything = logs(place, server)
    assert logs(place, server, "-n", "2") == everything[-2:]
    assert logs(place, server, "--after", str(everything[1]["id"])) == everything[2:]
    hostile = logs(place, server, "--function", "shout")
    assert [line["text"] for line in hostile if "raw" not in line["text"]] == HOSTILE
    assert [line["text"] for line in hostile if "raw" in line["text"]] == ["raw \udcff bytes"]
    plain = place.intermodal("app", "logs", "shop", "-n", "1", "--search", "sold", env=elsewhere(server, place))
    assert plain.stdout.endswith(f" sell {sold['container']} {sold['call']}/0 | sold to Ada\n")
    assert datetime.fromisoformat(" ".join(plain.stdout.split(" ", 2)[:2])).tzinfo is not None


@pytest.mark.one_user
def test_exceptions_are_lines_with_their_tracebacks(server: Server, place: Workplace) -> None:
    """Of calls that nobody waits for, too; what the client sees is as before."""
    run(place, server, "failing")
    errors = logs(place, server, "--level", "error", "--function", "fail")
    assert len(errors) == 2, errors
    spawned, awaited = errors
    assert [line["text"].splitlines()[-1] for line in (spawned, awaited)] == [
        "LookupError: no such customer: Zoe",
        "LookupError: no such customer: Bob",
    ]
    assert "in fail" in spawned["text"]
    of_call = logs(place, server, "--call", spawned["call"])
    assert [line["text"].splitlines()[0] for line in of_call] == [
        "serving Zoe",
        f"input 0 of {spawned['call']} failed",
    ]
    assert [(line["input"], line["stream"]) for line in of_call] == [(0, 1), (0, 0)]
    plain = place.intermodal("app", "logs", "shop", "--call", spawned["call"], env=elsewhere(server, place))
    assert " | error: input 0 of " in plain.stdout
    assert plain.stdout.endswith("\n    LookupError: no such customer: Zoe\n")


@pytest.mark.one_user
def test_lines_are_followed_and_the_follower_outlives_the_server(place: Workplace) -> None:
    """Each line once and in order, also over a kill -9 of the server: it goes on where it was."""
    with serving(place) as server:
        run(place, server, "main", "--customer", "Ada", NAME="stall")
        follower = follow(place, server, "--search", "sold", "-n", "1")
        try:
            assert line_of(follower)["text"] == "sold to Ada"
            run(place, server, "main", "--customer", "Bob", NAME="stall")
            bob = line_of(follower)
            assert bob["text"] == "sold to Bob"
            server.process.kill()
            server.process.communicate()
            with serving(place, "--port", server.url.rpartition(":")[2]) as again:
                run(place, again, "main", "--customer", "Eve", NAME="stall")
                eve = line_of(follower)
                assert (eve["text"], eve["id"] > bob["id"]) == ("sold to Eve", True)
                again.end()
        finally:
            follower.kill()
            follower.communicate()


@pytest.mark.one_user
def test_who_may_read(place: Workplace) -> None:
    """Who has a token, where one is required; elsewhere processes of this machine, and no page that has lent its
    address a name. Each hears what is wrong."""
    with serving(place, "--require-token") as server:
        refused = place.intermodal("app", "logs", "shop", env=elsewhere(server, place))
        assert (refused.returncode, "the server wants a token" in refused.stderr) == (1, True)
        token = place.intermodal("token", "create", "reader").stdout.strip()
        client = {**elsewhere(server, place), "INTERMODAL_TOKEN": token}
        unknown = place.intermodal("app", "logs", "nothing", env=client)
        assert (unknown.returncode, "no line of an app 'nothing' is kept" in unknown.stderr) == (1, True)
        server.end()
    with serving(place) as server:
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(urllib.request.Request(f"{server.url}/metrics", headers={"Host": "evil.example"}))
        app_page = {"Sec-Fetch-Site": "same-origin"}
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, app_page):
            request = urllib.request.Request(f"{server.url}/v1/logs", headers=headers)
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(request)
        for wrong in (
            "",
            "app=a&x=1",
            "app=a&name=b&since=2&until=1",
            "app=a&name=b&points=0",
            "app=a&name=b&since=nan",
        ):
            with pytest.raises(urllib.error.HTTPError, match="400"):
                urllib.request.urlopen(f"{server.url}/v1/metrics?{wrong}")
        for wrong in (
            "limit=x",
            "level=loud",
            "since=noon",
            "since=nan",
            "until=inf",
            "field=user.id",
            "app=a&shop=b",
            "field=%22=1",
            "after=99999999999999999999",
        ):
            with pytest.raises(urllib.error.HTTPError, match="400") as caught:
                urllib.request.urlopen(f"{server.url}/v1/logs?{wrong}")
            assert json.load(caught.value)["error"] == "InvalidError"
        server.end()
    alone = place.intermodal("app", "logs", "shop")
    assert (alone.returncode, "INTERMODAL_SERVER_URL" in alone.stderr) == (1, True)
