"""Deployed functions that run by themselves, at a real server (deploy.schedule)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from server_process import Server, serving
from workplace import Done, Workplace

TIDE = """
    import intermodal

    app = intermodal.App("tide")

    @app.function(schedule=intermodal.Period(seconds=1))
    def often(word="TAG"):
        print(word)

    @app.function(schedule=intermodal.Cron("0 9 29 2 *", timezone="Europe/Oslo"))
    def seldom():
        raise ValueError("low water")

    @app.function(schedule=intermodal.Cron("0 9 29 2 *"))
    def waits():
        import os, time
        done = intermodal.Queue.from_name("ebb", create_if_missing=True)
        done.put(os.environ.get("HOSTNAME", ""))
        while done.len() < 2:
            time.sleep(0.05)
"""


class Tide:
    """The app's client: it has nothing of the server's but its URL."""

    def __init__(self, place: Workplace) -> None:
        self.place = place
        self.environment = {"INTERMODAL_DATA_DIR": str(place.directory / "client")}

    def use(self, server: Server) -> None:
        """Call this one from now on."""
        self.environment |= server.environment

    def command(self, *words: str) -> Done:
        """A command, to its end."""
        return self.place.intermodal(*words, env=self.environment)

    def deploy(self, tag: str) -> None:
        """A version with this word in it."""
        self.place.write("tide.py", TIDE.replace("TAG", tag))
        done = self.command("deploy", "tide.py")
        assert done.returncode == 0, done.stderr

    def schedule(self, function: str) -> Mapping[str, Any]:
        """What `schedule ls` says of it."""
        done = self.command("schedule", "ls", "--json")
        assert done.returncode == 0, done.stderr
        (row,) = (row for row in json.loads(done.stdout) if row["function"] == function)
        return dict(row)

    def runs(self, function: str) -> list[Mapping[str, Any]]:
        """What `schedule runs` says, the newest first."""
        done = self.command("schedule", "runs", "tide", function, "--json")
        assert done.returncode == 0, done.stderr
        return list(json.loads(done.stdout))


def wait_for(ready: Callable[[], bool]) -> None:
    """Look until it is so."""
    deadline = time.monotonic() + 120
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.one_user
def test_deployed_functions_run_by_themselves(place: Workplace) -> None:
    """At their times, and when asked to; not in a pause; over a new version, a killed server and the app's end. What
    was going on when the server was killed is made again, under the same id."""
    place.environment["INTERMODAL_DATA_DIR"] = str(place.directory / "server")
    tide = Tide(place)
    with serving(place) as server:
        tide.use(server)
        tide.deploy("first")
        wait_for(lambda: sum(run["state"] == "succeeded" for run in tide.runs("often")) >= 2)
        often, seldom = tide.schedule("often"), tide.schedule("seldom")
        assert (often["app"], often["when"]) == ("tide", "every 1 s")
        assert (seldom["when"], seldom["last"]) == ("0 9 29 2 * Europe/Oslo", "")
        assert seldom["next"].endswith("-02-29T08:00:00+00:00")

        call = tide.command("schedule", "run", "tide", "seldom").stdout.strip()
        wait_for(lambda: tide.runs("seldom")[0]["state"] != "running")
        (run,) = tide.runs("seldom")
        assert (run["call"], run["state"]) == (call, "failed")

        assert tide.command("schedule", "pause", "tide", "often").returncode == 0
        before = tide.runs("often")[0]["slot"]
        tide.deploy("second")
        assert tide.schedule("often")["next"] == "paused"
        assert tide.runs("often")[0]["slot"] == before
        assert tide.command("schedule", "resume", "tide", "often").returncode == 0
        wait_for(lambda: tide.runs("often")[0]["slot"] > before)

        for asked in ("pause", "runs"):
            unknown = tide.command("schedule", asked, "tide", "nothing")
            assert unknown.returncode == 1
            assert "there are: tide often, tide seldom, tide waits" in unknown.stderr
        waiting = tide.command("schedule", "run", "tide", "waits").stdout.strip()
        wait_for(lambda: tide.command("queue", "len", "ebb").stdout.strip() == "1")
        server.process.kill()
        server.process.wait()
    with serving(place) as server:
        tide.use(server)
        wait_for(lambda: tide.runs("waits")[0]["state"] == "succeeded")
        assert [run["call"] for run in tide.runs("waits")] == [waiting]
        newest = tide.runs("often")[0]["slot"]
        wait_for(lambda: tide.runs("often")[0]["slot"] > newest)
        slots = [run["slot"] for run in tide.runs("often")]
        assert len(slots) == len(set(slots))

        assert tide.command("app", "stop", "tide").returncode == 0
        assert json.loads(tide.command("schedule", "ls", "--json").stdout) == []
        server.end()


@pytest.mark.one_user
def test_schedules_are_a_server_s(place: Workplace) -> None:
    """Without one, the command says what to do."""
    done = place.intermodal("schedule", "ls")
    assert done.returncode == 1
    assert "INTERMODAL_SERVER_URL" in done.stderr
