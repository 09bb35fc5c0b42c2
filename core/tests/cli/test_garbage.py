"""What a command imports is not looked at again for garbage; what the user's program makes is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_COMMAND = """
import gc, sys
from intermodal.cli import garbage
with garbage.importing():
    import decimal
    assert not gc.isenabled()
assert gc.isenabled() and gc.get_freeze_count() > 1000
import program
"""
_PROGRAM = """
class Circle:
    def __init__(self, name):
        self.me, self.name = self, name

    def __del__(self, tell=print):
        tell(self.name)

circles = [Circle("dropped"), Circle("kept")]
del circles[0]
"""


def test_objects_of_the_program_hear_of_its_end(tmp_path: Path) -> None:
    """Those that keep themselves alive, too: one that nobody has any more, and one that a module has until the end."""
    (tmp_path / "program.py").write_text(_PROGRAM)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, sys.argv[1])\n{_COMMAND}", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["dropped", "kept"]
