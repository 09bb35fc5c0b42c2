"""What nobody uses goes, and nothing else: age, leases of living processes, and who is just about to say so."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from intermodal.storage import Uses


def age(data_dir: Path, *names: str, seconds: float = 3600.0) -> None:
    """Let these stamps and leases be so old."""
    then = time.time() - seconds
    for name in names:
        os.utime(data_dir / "uses" / name, (then, then))


def say(uses: Uses, *names: str) -> None:
    with uses.using() as used:
        for name in names:
            used(name)


def pruned(data_dir: Path, older_than_s: float = 0.0) -> set[str]:
    """The names that were removed."""
    removed: list[str] = []
    count, freed = Uses(data_dir).prune(older_than_s, lambda name: removed.append(name) or 5)  # type: ignore[func-returns-value]
    assert (count, freed) == (len(removed), 5 * len(removed))
    return {*removed}


def test_what_was_used_lately_stays(tmp_path: Path) -> None:
    """Age counts from the last use, by whomever; what is removed is forgotten."""
    uses = Uses(tmp_path)
    assert pruned(tmp_path) == set()
    uses.lease()
    say(uses, "old", "again", "young")
    uses.release()
    age(tmp_path, "stamps/old", "stamps/again")
    uses.lease()
    say(uses, "again")
    uses.release()
    assert pruned(tmp_path, older_than_s=60) == {"old"}
    assert pruned(tmp_path, older_than_s=60) == set()
    assert pruned(tmp_path) == {"again", "young"}


def test_what_a_living_session_uses_stays_however_old(tmp_path: Path) -> None:
    """And what was last used before the oldest one began goes."""
    uses = Uses(tmp_path)
    uses.lease()
    say(uses, "before")
    uses.release()
    uses.lease()
    say(uses, "held")
    (lease,) = (tmp_path / "uses" / "leases").iterdir()
    age(tmp_path, "stamps/before", seconds=7200)
    age(tmp_path, f"leases/{lease.name}", seconds=3600)
    age(tmp_path, "stamps/held", seconds=3599)
    assert pruned(tmp_path) == {"before"}
    uses.release()
    assert pruned(tmp_path) == {"held"}


def test_a_session_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    """The kernel lets go of its lease."""
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from intermodal.storage import Uses\n"
        "uses = Uses(Path(sys.argv[1]))\n"
        "uses.lease()\n"
        "with uses.using() as used:\n"
        "    used('its')\n"
        "os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert list((tmp_path / "uses" / "leases").iterdir())
    assert pruned(tmp_path) == {"its"}
    assert list((tmp_path / "uses" / "leases").iterdir()) == []


def test_nothing_goes_while_somebody_says_what_it_uses(tmp_path: Path) -> None:
    """It may have seen that the thing is there, and not noted it yet."""
    uses = Uses(tmp_path)
    uses.lease()
    say(uses, "thing")
    uses.release()
    with uses.using():
        assert pruned(tmp_path) == set()
    assert pruned(tmp_path) == {"thing"}


def test_tidying_is_due_once_in_an_hour(tmp_path: Path) -> None:
    """Sessions ask at their end, so it must cost nothing; where nobody has used anything there is nothing to do."""
    uses = Uses(tmp_path)
    assert not uses.due()
    uses.lease()
    assert [uses.due(), uses.due(), Uses(tmp_path).due()] == [True, False, False]
    age(tmp_path, "tidied", seconds=3601)
    assert [uses.due(), uses.due()] == [True, False]
    uses.release()
