"""`python -m intermodal_conformance` is the command."""

from __future__ import annotations

import sys

from intermodal_conformance.cli import main

sys.exit(main())
