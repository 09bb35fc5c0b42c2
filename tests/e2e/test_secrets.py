"""secret.*: a program uses, prints and raises its secret; the value is looked for in everything that was written."""

from __future__ import annotations

from pathlib import Path

from workplace import Workplace

VALUE = "hunter2-hunter2/&"
#: As itself, in an address, in a repr.
FORMS = (VALUE, "hunter2-hunter2%2F%26")
APP = """
import os, sys
import intermodal

secret = intermodal.Secret.from_name("database", required_keys=["PASSWORD"])
app = intermodal.App("secrets")
image = intermodal.Image.debian_slim().run_commands("test -n \\"$PASSWORD\\"; echo $PASSWORD; env", secrets=[secret])


class Refused(Exception):
    def __init__(self, user, password):
        super().__init__(user, password)
        self.password = password


@app.function(image=image, secrets=[secret])
def use(how: str):
    password = os.environ["PASSWORD"]
    print("password:", password, {"p": password})
    print("error:", password, file=sys.stderr)
    os.write(1, f"raw {password}\\n".encode())
    if how == "raise":
        raise Refused("captain", password)
    if how == "fail":
        raise ValueError(f"cannot log in with {password!r}")
    return len(password)


@app.local_entrypoint()
def main(how: str = "return"):
    print(repr(secret), use.remote(how))
"""
PLUGIN = """
from pathlib import Path

from intermodal.plugins import hookimpl

FOUND = Path(__file__).parent / "found.log"


@hookimpl
def intermodal_log(events):
    with FOUND.open("a") as file:
        file.writelines(f"{line}\\n" for line in events)


@hookimpl
def intermodal_image_output(events):
    with FOUND.open("a") as file:
        file.writelines(f"{line}\\n" for line in events)
"""


def left_in(*directories: Path) -> list[Path]:
    """Files that have a form of the value."""
    wanted = [form.encode() for form in FORMS]
    files = [path for folder in directories for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in files if any(form in path.read_bytes() for form in wanted)]


def test_the_value_of_a_secret_is_in_nothing_that_was_written(place: Workplace, tmp_path: Path) -> None:
    """Terminal, log records, data directory and image layers have `***`; the function had the value."""
    place.write("keeps.py", APP)
    place.write("intermodal_plugins.py", PLUGIN)
    place.write("pyproject.toml", "[tool.intermodal]\n")
    assert place.intermodal("secret", "create", "database", f"PASSWORD={VALUE}").returncode == 0
    try:
        for how in ("return", "raise", "fail"):
            done = place.intermodal("run", "keeps.py", "--how", how)
            shown = done.stdout + done.stderr
            assert done.returncode == (0 if how == "return" else 1), shown
            assert not any(form in shown for form in FORMS), shown
            assert "password: ***" in shown
            assert {"return": str(len(VALUE)), "raise": "Refused: ('captain', '***')", "fail": "with '***'"}[
                how
            ] in shown
        assert "***" in (place.directory / "found.log").read_text()
        assert left_in(place.directory, place.data, tmp_path / "tmp") == []
    finally:
        place.intermodal("secret", "delete", "--yes", "database")


def test_what_a_secret_lacks_is_named(place: Workplace) -> None:
    """Before anything starts; keys, and no value."""
    place.write("keeps.py", APP)
    missing = place.intermodal("run", "keeps.py")
    assert missing.returncode == 1
    assert "there is no secret named 'database' in environment 'main'" in missing.stderr
    place.intermodal("secret", "create", "database", f"OTHER={VALUE}")
    try:
        lacking = place.intermodal("run", "keeps.py")
        assert "lacks PASSWORD, which this program requires (it has OTHER)" in lacking.stderr
        assert VALUE not in lacking.stdout + lacking.stderr
    finally:
        place.intermodal("secret", "delete", "--yes", "database")
