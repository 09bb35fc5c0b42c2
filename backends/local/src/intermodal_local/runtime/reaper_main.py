"""The file that an interpreter runs, with a path, to remove what belongs to an ordinary user's subordinate ids."""

from __future__ import annotations

import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from intermodal_local.runtime import cleanup, userns

if __name__ == "__main__":
    userns.enter(many=True)
    cleanup.remove_own(sys.argv[1])
