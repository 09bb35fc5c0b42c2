"""log.lines"""

from __future__ import annotations

from intermodal.plugins import InputFailed, LogLine
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


@requirement("log.lines")
def test_lines_of_inputs_that_run_at_once_are_told_apart(target: Target) -> None:
    """By call and by input, where they share a container and their lines come in between each other's."""
    alone = logs.chat.spawn("chat alone", 0.2)
    (call, _, _) = logs.chat.map([f"chat {n}" for n in range(3)], [0.2] * 3)
    lines = target.witness.wait_for(LogLine, lambda line: line.text.startswith("chat "), count=8)
    whose = {(line.text.rpartition(" ")[0], line.call, line.input) for line in lines}
    assert whose == {("chat alone", alone.get(), 0), *((f"chat {n}", call, n) for n in range(3))}


@requirement("log.errors")
def test_what_an_input_raised_is_told_to_observers(target: Target) -> None:
    """Of those that failed on their last try, whether or not anybody waits; with the chain of its causes."""
    list(logs.stumble.map(["good", "bad", "worse"], return_exceptions=True))
    spawned = logs.stumble.spawn("unseen")
    failures = target.witness.wait_for(InputFailed, lambda failed: failed.function == "stumble", count=3)
    assert {(failed.input, failed.count, failed.attempt) for failed in failures} == {(1, 1, 2), (2, 1, 2), (0, 1, 2)}
    assert all(failed.container for failed in failures)
    by_call = [failed for failed in failures if failed.call == spawned.object_id]
    assert [failed.message for failed in by_call] == ["broken 6"]
    assert all(failed.error.endswith("Broken") for failed in failures)
    assert "LookupError: the word is unseen" in by_call[0].traceback
    assert by_call[0].traceback.rstrip().endswith("Broken: broken 6")
