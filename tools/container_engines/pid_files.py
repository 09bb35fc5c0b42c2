"""Notes of daemons that were killed: the number in them may be another process's by now, or that of a dead one which
nobody has reaped. Docker takes either for a daemon that runs, and waits for it or gives up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["PidFile"]


@dataclass(frozen=True)
class PidFile:
    """Where a daemon notes its number, and the name of its program."""

    path: Path
    program: str

    def remove_if_stale(self) -> None:
        """Remove it, unless such a process runs."""
        try:
            pid = int(self.path.read_text())
        except FileNotFoundError:
            return
        except ValueError:
            pid = 0
        if not _runs(pid, self.program):
            self.path.unlink(missing_ok=True)


def _runs(pid: int, program: str) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    name = stat[stat.index("(") + 1 : stat.rindex(")")]
    state = stat[stat.rindex(")") + 1 :].split()[0]
    return name == program[:15] and state not in ("Z", "X")  # the kernel keeps 15 characters of it
