"""`python -m intermodal_local.images.reaper PATH`: remove what belongs to an ordinary user's subordinate ids."""

from __future__ import annotations

import sys

from intermodal_local.runtime import cleanup, userns

if __name__ == "__main__":
    userns.enter(many=True)
    cleanup.remove(sys.argv[1])
