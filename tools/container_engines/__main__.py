"""The command line: `tools/engines up|down|status`."""

from __future__ import annotations

import argparse
import json
import os
import sys

from container_engines.base_image import import_into
from container_engines.engine import ENGINES
from container_engines.failure import Failure, say
from container_engines.packages import install
from container_engines.places import locked, state_dir
from container_engines.status import describe, in_words
from container_engines.user_config import write_config

_ABOUT = """Real Docker and Podman engines on this machine, for tests and for trying the backends.

up      installs what is missing (as root, on Debian or Ubuntu), starts both engines unless they answer, and gives them
        the image that Image.debian_slim() begins with. Once more does no harm. The user's configuration of Intermodal
        gets this machine's certificates and package indexes for them, where it says nothing about that.
down    stops what `up` started.
status  says what runs; its exit status is 0 if both engines are ready.
"""


def up(mirror: str | None) -> None:
    """Bring both engines up. Raises `Failure`."""
    state = state_dir()
    with locked(state / "lock", "another tools/engines is at work"):
        if not all(describe(engine, state)["ready"] for engine in ENGINES):
            install()
        for engine in ENGINES:
            engine.up(state)
            import_into(engine, mirror)
        write_config(tuple(engine.name for engine in ENGINES), os.environ)


def down() -> None:
    """Stop what `up` started. Raises `Failure`."""
    state = state_dir()
    with locked(state / "lock", "another tools/engines is at work"):
        for engine in ENGINES:
            if engine.service(state).stop():
                say(f"Stopped {engine.name}.")
            elif engine.api.why_not() is None:
                say(f"{engine.name} was not started by tools/engines, and goes on.")


def status(as_json: bool) -> bool:
    """Print what runs. True: all is ready."""
    found = [describe(engine, state_dir()) for engine in ENGINES]
    print(json.dumps(found, indent=2) if as_json else "\n".join(map(in_words, found)))
    return all(each["ready"] for each in found)


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="tools/engines", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    upward = commands.add_parser("up", help="install, start, and make the base image")
    upward.add_argument("--mirror", help="a mirror of Debian for the base image, such as http://mirror.example/debian")
    upward.add_argument(
        "--if-possible", action="store_true", help="no error where they cannot be had, unless CI=true is set"
    )
    commands.add_parser("down", help="stop what `up` started")
    commands.add_parser("status", help="what runs").add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    try:
        if arguments.command == "status":
            return 0 if status(arguments.json) else 1
        if arguments.command == "down":
            down()
        else:
            up(arguments.mirror)
    except Failure as failure:
        say(f"tools/engines: {failure}")
        unbearable = not getattr(arguments, "if_possible", False) or os.environ.get("CI", "").lower() == "true"
        return 1 if unbearable else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
