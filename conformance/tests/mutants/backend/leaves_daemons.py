"""What left the process tree of a container, such as a daemon, goes on after it, until the launcher is closed."""

from __future__ import annotations

from mutants.planting import plant_supervisor

FINISH = "    def _finish(self, tenant: Tenant) -> None:\n"

plant_supervisor(
    ("runtime/plain.py", "    hunting.kill_strays(())\n", ""),
    ("runtime/supervisor.py", f"{FINISH}        self._kill_strays()\n", FINISH),
)
