"""Environments of a server: what is deployed or named in one is not found in another (deploy.lookup)."""

from __future__ import annotations

import json

import pytest
from server_process import elsewhere, serving
from workplace import Done, Workplace

SHOP = """
    import intermodal

    app = intermodal.App("shop")

    @app.function()
    def where():
        return intermodal.Dict.from_name("about")["where"]

    @app.local_entrypoint()
    def main():
        print(where.remote())
"""

CALL = """
    import sys, intermodal
    print(intermodal.Function.from_name("shop", "where", environment_name=sys.argv[1] or None).remote())
"""


@pytest.mark.one_user
def test_an_environment_is_made_used_and_deleted(place: Workplace) -> None:
    """Deploys, lookups, runs and named objects in one that is not there are refused, with the command that makes it.
    One that apps run in is deleted only where that is asked for."""
    data = place.directory / "server"
    place.environment["INTERMODAL_DATA_DIR"] = str(data)
    place.write("shop.py", SHOP)
    call = str(place.write("call.py", CALL))
    with serving(place) as server:
        client = elsewhere(server, place)

        def command(*words: str, **more: str) -> Done:
            return place.intermodal(*words, env={**client, **more})

        def called(environment: str) -> Done:
            return place.run(call, environment, env=client)

        makes = "`intermodal environment create prod` makes it"
        for refused in (
            command("deploy", "shop.py", "--env", "prod"),
            command("run", "-q", "shop.py", INTERMODAL_ENVIRONMENT="prod"),
            command("dict", "create", "about", "--env", "prod"),
            command("secret", "create", "about", "KEY=value", "--env", "prod"),
            command("app", "ls", "--env", "prod"),
            called("prod"),
        ):
            assert refused.returncode == 1, refused.stdout
            assert "this server has no environment 'prod' (it has: main)" in refused.stderr
            assert makes in refused.stderr
        refused = command("environment", "create", "-p", "no:x", "two words")
        assert "use 1 to 64 letters (a to z, A to Z), digits, '.', '_' and '-'" in refused.stderr
        assert command("environment", "create", "prod", "--description", "what customers see").returncode == 0
        for environment, word in (("main", "here"), ("prod", "there")):
            assert command("dict", "create", "about", "--env", environment).returncode == 0
            assert command("dict", "put", "about", "where", word, "--env", environment).returncode == 0
            assert command("deploy", "shop.py", "--env", environment).returncode == 0
        assert called("").stdout == "here\n"
        assert called("prod").stdout == "there\n"
        listed = json.loads(command("environment", "ls", "--json").stdout)
        assert [(row["name"], row["apps"], row["description"]) for row in listed] == [
            ("main", 1, ""),
            ("prod", 1, "what customers see"),
        ]
        for listing in (("call", "ls"), ("schedule", "ls")):
            refused = command(*listing, "--env", "nope")
            assert (refused.returncode, refused.stdout) == (1, "")
            assert "this server has no environment 'nope' (it has: main, prod)" in refused.stderr
        refused = command("environment", "delete", "nope")
        assert "Delete" not in refused.stderr
        assert "this server has no environment 'nope'" in refused.stderr
        refused = command("environment", "delete", "prod", "--yes")
        assert "apps run in environment 'prod': shop." in refused.stderr
        assert command("environment", "delete", "prod", "--yes", "--force").returncode == 0
        assert makes in called("prod").stderr
        assert called("main").stdout == "here\n"
        server.end()


def test_without_a_server_there_is_nothing_to_make(place: Workplace) -> None:
    """Any name will do there; the command says in a line what it needs."""
    done = place.intermodal("environment", "ls")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "`intermodal environment` needs a server" in done.stderr
    assert place.intermodal("dict", "create", "about", "--env", "anything").returncode == 0
