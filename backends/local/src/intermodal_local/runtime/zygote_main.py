"""The file that an image's interpreter runs to become a zygote. Its own folder's parent must be first on `sys.path`."""

from __future__ import annotations

import os
import sys

sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from intermodal_local.runtime import zygote  # noqa: E402 - its folder had to be made known

if __name__ == "__main__":
    zygote.main()
