"""usage: parity_programs.py < PROGRAMS: runs each conformance program on the backend that is set; outcomes as JSON.

A process of its own for each backend, as a user's is.
"""

from __future__ import annotations

import json
import sys

from intermodal_conformance.apps.everything import app
from intermodal_conformance.programs import run

if __name__ == "__main__":
    programs = json.load(sys.stdin)
    with app.run():
        outcomes = [run(program) for program in programs]
    json.dump(outcomes, sys.stdout)
