"""log.lines"""

from __future__ import annotations

from intermodal.plugins import LogLine
from intermodal_conformance.apps import logs
from intermodal_conformance.marks import requirement
from intermodal_conformance.target import Target


@requirement("log.lines")
def test_every_line_comes_whole_and_says_where_it_is_from(target: Target) -> None:
    """All lines of both streams, in their order, with app, function, container and call."""
    count = 400
    call = logs.talk.remote("first", count)
    lines = target.witness.wait_for(LogLine, lambda line: line.text.startswith("first "), count=2 * count)
    for stream, name in ((1, "out"), (2, "err")):
        assert [line.text for line in lines if line.stream == stream] == [f"first {name} {n}" for n in range(count)]
    assert {(line.app, line.function, line.call) for line in lines} == {("conformance", "talk", call)}
    assert len({line.container for line in lines}) == 1
    assert all(line.container for line in lines)


@requirement("log.lines")
def test_a_long_line_is_not_torn(target: Target) -> None:
    """Written in one piece or in two, it is one line."""
    text = "long " + "x" * 200_000
    logs.say.remote(text[:1000])
    logs.say.remote(text[1000:] + "\n")
    (line,) = target.witness.wait_for(LogLine, lambda line: line.text.startswith("long "))
    assert line.text == text


@requirement("log.lines")
def test_a_last_line_without_its_end_is_a_line(target: Target) -> None:
    """It arrives when its input has ended; the next input's begins a new one."""
    call = logs.mutter.remote("mutter ")
    other = logs.mutter.remote("mutter ")
    lines = target.witness.wait_for(LogLine, lambda line: line.text.startswith("mutter "), count=2)
    assert [(line.text, line.call) for line in lines] == [("mutter ", call), ("mutter ", other)]
