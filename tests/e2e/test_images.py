"""Images in full, through the public API and the command line."""

from __future__ import annotations

import hashlib
import json
import platform
from pathlib import Path

import pytest
from workplace import Workplace

HERE = Path(__file__).parent
TOKEN = "hunter2-hunter2"


def test_steps_shells_and_secrets_of_an_image(place: Workplace) -> None:
    """Built by Image.build() and used by a function; the secret's value is in no output, error or file of ours."""
    place.write("app_images.py", (HERE / "app_images.py").read_text())
    place.write("data.txt", "data")
    done = place.intermodal("run", "app_images.py", env={"BUILD_TOKEN": TOKEN})
    assert done.returncode == 0, done.stderr
    name, seen, *failure = done.stdout.splitlines()
    assert name.startswith("im-")
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()[:8]
    assert seen == str([digest, "bash", "data", "dockerfile", None])
    assert failure[0].startswith("step 2 of 2 (run_commands echo the token is $BUILD_TOKEN; exit 3) failed")
    assert any(line.strip() == "the token is ***" for line in failure)
    assert TOKEN not in done.stdout + done.stderr
    kept = [path for path in place.data.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert kept == []


def test_building_and_inspecting_from_the_command_line(place: Workplace) -> None:
    """What is built is found again; a name is an image's or a function's; mistakes list what there is."""
    place.write(
        "shop.py",
        """
        import intermodal

        app = intermodal.App("shop")
        mine = intermodal.Image.debian_slim().run_commands("echo made here").env({"A": "1"})

        @app.function(image=mine)
        def sell(): ...

        @app.function()
        def buy(): ...
        """,
    )
    built = place.intermodal("image", "build", "shop.py", "--json")
    assert built.returncode == 0, built.stderr
    assert "made here" in built.stderr
    rows = json.loads(built.stdout)
    assert [row["name"] for row in rows] == ["mine", "buy"]
    assert rows[0]["python"] == platform.python_version()
    again = place.intermodal("image", "build", "shop.py::sell")
    assert again.stdout.startswith(rows[0]["id"][:12])
    assert "made here" not in again.stderr
    (shown,) = json.loads(place.intermodal("image", "inspect", "shop.py::mine", "--json").stdout)
    assert (shown["id"], shown["env"], shown["steps"]) == (
        rows[0]["id"],
        ["A=1"],
        ["run_commands echo made here", "env A"],
    )
    layer = next(
        row for row in json.loads(place.intermodal("image", "ls", "--json").stdout) if "made here" in row["title"]
    )
    details = place.intermodal("image", "inspect", layer["id"][:12])
    assert "run_commands echo made here" in details.stdout
    wrong = place.intermodal("image", "build", "shop.py::yours")
    assert wrong.returncode == 2
    assert "no image, function or class 'yours'" in wrong.stderr
    assert "Names: mine, sell, buy" in wrong.stderr
    assert "no one image or layer 'abcdef'" in place.intermodal("image", "inspect", "abcdef").stderr


@pytest.mark.parametrize("isolation", ["namespaces", "process"])
def test_a_foreign_base_is_refused_by_name(place: Workplace, isolation: str) -> None:
    """The error names the capability, the image and the backends that have it; nothing is built before."""
    place.write(
        "foreign.py",
        """
        import intermodal

        app = intermodal.App("foreign")

        @app.function(image=intermodal.Image.from_dockerfile("Dockerfile"))
        def f(): ...
        """,
    )
    place.write("Dockerfile", "FROM alpine:3.20\n")
    done = place.intermodal("run", "foreign.py", "--set", f"local.isolation={isolation}")
    assert done.returncode == 1
    assert "image.from_registry" in done.stderr
    assert "'alpine:3.20' is not this host's userland" in done.stderr
    assert "--backend docker or podman" in done.stderr
