"""cls.*"""

from __future__ import annotations

from intermodal.plugins import LogLine
from intermodal_conformance.apps import classes
from intermodal_conformance.marks import requirement
from intermodal_conformance.target import Target


@requirement("cls.lifecycle")
def test_enters_run_once_in_order_and_exits_run_at_the_end(target: Target) -> None:
    """The base's first, then in order of definition, sync or async; each once in a container."""
    found = [classes.Lifecycle().look.remote() for _ in range(3)]
    container = found[0][0]
    assert {name for name, _ in found} == {container}
    assert [log for _, log in found] == [["base_enter", "second", "third", *["look"] * n] for n in (1, 2, 3)]

    def of_it(line: LogLine) -> bool:
        return container in line.text

    lines = target.witness.wait_for(LogLine, of_it, count=3)
    assert [line.text.split(" " + container)[0] for line in lines] == ["entered", "base exit", "exit"]
