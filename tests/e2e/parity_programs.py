"""usage: parity_programs.py < PROGRAMS: runs each conformance program on the backend that is set; outcomes as JSON.

A process of its own for each backend, as a user's is.
"""

from __future__ import annotations

import json
import sys

from intermodal.plugins import set_command_line
from intermodal_conformance.apps.everything import app
from intermodal_conformance.programs import run
from intermodal_conformance.target import NEVER_S

if __name__ == "__main__":
    programs = json.load(sys.stdin)
    # Containers commit where programs say so: by themselves they would, too, where a slow machine takes long for one.
    set_command_line({"volume_commit_s": NEVER_S})
    with app.run():
        outcomes = [run(program) for program in programs]
    json.dump(outcomes, sys.stdout)
