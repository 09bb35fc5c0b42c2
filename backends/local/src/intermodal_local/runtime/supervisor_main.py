"""The file that a launcher's interpreter runs to become a supervisor."""

from __future__ import annotations

import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from intermodal_local.runtime import supervisor

if __name__ == "__main__":
    supervisor.main()
