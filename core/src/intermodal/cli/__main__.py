"""`python -m intermodal.cli`."""

from __future__ import annotations

from intermodal.cli.main import main

if __name__ == "__main__":
    main()
