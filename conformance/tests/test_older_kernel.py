"""Volumes on kernels before 6.5: a reload mounts the new version over the old one, and nobody sees a difference."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mutants.running import suite

VOLUMES = ("volume.snapshot", "volume.commit", "volume.reload")
#: How many mounts lie at a volume's place after two reloads.
COUNTING = """
from pathlib import Path
import intermodal
app = intermodal.App("counting")
volume = intermodal.Volume.from_name("v", create_if_missing=True)

@app.function(volumes={"/data": volume})
def count() -> int:
    for number in range(2):
        Path("/data/x").write_text(str(number))
        volume.reload()
    assert Path("/data/x").read_text() == "1"
    return sum(line.split()[4] == "/data" for line in Path("/proc/self/mountinfo").read_text().splitlines())

if __name__ == "__main__":
    ALSO
    with app.run():
        print(count.remote())
"""


@pytest.mark.parametrize(("also", "mounts"), [("pass", 1), ("import older_kernel", 3)], ids=["here", "before 6.5"])
def test_the_new_version_lies_over_the_old_one(tmp_path: Path, also: str, mounts: int) -> None:
    """Else the other test would be about this kernel."""
    script = tmp_path / "counting.py"
    script.write_text(COUNTING.replace("ALSO", also))
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent),
        "INTERMODAL_DATA_DIR": str(tmp_path / "data"),
        "INTERMODAL_BACKEND": "local",
    }
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, env=environment)
    assert done.stdout == f"{mounts}\n", done.stderr


def test_volumes_keep_the_rules() -> None:
    """All that the suite asks of them, random programs included."""
    report, output = suite("--backend", "local", "-p", "older_kernel", "--only", ",".join(VOLUMES))
    assert {name: report["requirements"][name]["status"] for name in VOLUMES} == dict.fromkeys(VOLUMES, "pass"), output
