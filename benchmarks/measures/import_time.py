"""What `import intermodal` adds to a Python that has started."""

from __future__ import annotations

import subprocess
import sys
from statistics import median

from measures import About

ABOUT = {"import-time": About("`import intermodal`", "ms", "lower")}
_SCRIPT = "import time; t = time.perf_counter(); import intermodal; print(time.perf_counter() - t)"


def measure(quick: bool) -> dict[str, float]:
    """Milliseconds; the median of fresh interpreters, bytecode cached."""
    took = []
    for _ in range(3 if quick else 15):
        done = subprocess.run([sys.executable, "-c", _SCRIPT], check=True, capture_output=True, text=True)
        took.append(float(done.stdout))
    return {"import-time": median(took[1:]) * 1e3}
