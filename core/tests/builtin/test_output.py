"""Built-in output: container logs on the right stream, byte for byte; progress for people and for pipes."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import textwrap

import pytest

from intermodal.builtin import plain
from intermodal.builtin.metrics import parse_metrics
from intermodal.builtin.plain import PlainDisplay
from intermodal.plugins import (
    CallFinished,
    CallProgress,
    ContainerExited,
    ContainerStarted,
    ImageFinished,
    ImageOutput,
    ImageStarted,
    ImageStep,
    Notice,
)

PRELUDE = """
    import time
    from intermodal.builtin.logs import LogSink
    from intermodal.plugins import *

    def line(text, stream=1):
        return LogLine(app="a", function="f", container="c-1", stream=stream, text=text, at=0.0)
"""


def script(source: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(PRELUDE) + textwrap.dedent(source)]


def test_each_stream_goes_where_it_came_from() -> None:
    """stdout to stdout, stderr to stderr, in order within each."""
    source = 'LogSink().intermodal_log([line("one"), line("bad", 2), line("two")])'
    done = subprocess.run(script(source), capture_output=True, check=True)
    assert done.stdout == b"f c-1 | one\nf c-1 | two\n"
    assert done.stderr == b"f c-1 | bad\n"


def test_bytes_that_are_no_text_pass_unchanged() -> None:
    """log.lines: undecodable bytes come out as they went in."""
    source = r'LogSink().intermodal_log([line(b"\xff\xfe caf\xc3\xa9".decode("utf-8", "surrogateescape"))])'
    done = subprocess.run(script(source), capture_output=True, check=True)
    assert done.stdout == b"f c-1 | \xff\xfe caf\xc3\xa9\n"


def test_prints_of_the_program_keep_their_place() -> None:
    """What the program printed before comes before."""
    source = 'print("mine"); LogSink().intermodal_log([line("theirs")]); print("mine again")'
    done = subprocess.run(script(source), capture_output=True, check=True)
    assert done.stdout == b"mine\nf c-1 | theirs\nmine again\n"


def test_a_reader_that_leaves_ends_only_its_stream() -> None:
    """`intermodal run ... | head -1` goes on quietly."""
    source = """
        sink = LogSink()
        for n in range(2000):
            sink.intermodal_log([line("x" * 100), line("err", 2)])
        os_exit = __import__("os")._exit(0)
    """
    process = subprocess.Popen(script(source), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 0
    assert errors.count(b"err\n") == 2000


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("METRIC loss=0.5", [("loss", 0.5, "")]),
        ("METRIC a.b=1ms c=-2e3 d=3%", [("a.b", 1.0, "ms"), ("c", -2000.0, ""), ("d", 3.0, "%")]),
        ("METRIC nothing here", []),
        ("METRIC a=1=2 b=x", []),
        ("metric a=1", []),
        ("METRICa=1", []),
    ],
)
def test_metric_lines(line, found) -> None:
    """METRIC name=value[unit] …"""
    assert list(parse_metrics(line)) == found


def test_plain_progress_says_what_changes_once(capsys) -> None:
    """Cached steps and single calls are not worth a line; failures are."""
    display = PlainDisplay()
    display.intermodal_image_started([ImageStarted(image="i1", at=0.0, functions=("f",))])
    display.intermodal_image_step([ImageStep(image="i1", number=1, total=2, title="base", cached=True)])
    display.intermodal_image_step([ImageStep(image="i1", number=2, total=2, title="pip install x")])
    display.intermodal_image_output([ImageOutput(image="i1", number=2, line="Installed x")])
    display.intermodal_image_finished([ImageFinished(image="i1", at=2.0, seconds=2.0)])
    started = [ContainerStarted(container=f"c{n}", app="a", function="f", at=0.0) for n in range(2)]
    display.intermodal_container_started(started)
    display.intermodal_call_progress([CallProgress(call="k", app="a", function="f", done=3, total=10)])
    display.intermodal_call_finished([CallFinished(call="k", app="a", function="f", at=0.0, succeeded=9, failed=1)])
    display.intermodal_call_finished([CallFinished(call="single", app="a", function="f", at=0.0, succeeded=1)])
    gone = {"app": "a", "function": "f", "at": 0.0}
    display.intermodal_container_exited([ContainerExited(container="c0", cause="exited", code=0, **gone)])
    oom = ContainerExited(container="c1", cause="out_of_memory", code=137, detail="limit 128 MiB", **gone)
    display.intermodal_container_exited([oom])
    display.intermodal_notice([Notice(level="warning", message="waiting for a GPU", at=0.0)])
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "intermodal: image of f: step 2/2 pip install x",
        "intermodal:   Installed x",
        "intermodal: image of f: ready after 2.0 s",
        "intermodal: f: 2 containers started",
        "intermodal: f: 10 inputs done, 1 failed",
        "intermodal: container c1 of f ended, out of memory with code 137: limit 128 MiB",
        "intermodal: warning: waiting for a GPU",
    ]


def test_plain_progress_of_a_long_map_is_said_now_and_then(capsys, monkeypatch) -> None:
    """A log without a line for minutes looks like one that hangs."""
    now = [0.0]
    monkeypatch.setattr(plain.time, "monotonic", lambda: now[0])
    display = PlainDisplay()
    for done, at in [(1, 1.0), (20, 9.0), (60, 31.0), (61, 40.0), (90, 62.0)]:
        now[0] = at
        display.intermodal_call_progress(
            [CallProgress(call="k", app="a", function="f", done=done, failed=done // 50, total=100)]
        )
    assert capsys.readouterr().err.splitlines() == [
        "intermodal: f: 60 of 100 inputs done, 1 failed",
        "intermodal: f: 90 of 100 inputs done, 1 failed",
    ]


LIVE = """
    import sys
    from intermodal.builtin.progress import make_display
    display = make_display()
    assert type(display).__name__ == "LiveDisplay"
    display.intermodal_image_started([ImageStarted(image="i", at=0.0, functions=("lex",))])
    display.intermodal_image_step([ImageStep(image="i", number=1, total=1, title="pip install pygments")])
    time.sleep(0.3)
    display.intermodal_image_finished([ImageFinished(image="i", at=0.0, seconds=1.5)])
    display.intermodal_call_started([CallStarted(call="s", app="a", function="wait", at=0.0)])
    display.intermodal_call_progress([CallProgress(call="k", app="a", function="lex", done=1, total=4)])
    time.sleep(0.5)
    print("from the program")
    LogSink().intermodal_log([line("from a container")])
    display.intermodal_call_progress([CallProgress(call="k", app="a", function="lex", done=3, failed=1, total=4)])
    time.sleep(0.5)
    display.intermodal_call_finished([CallFinished(call="k", app="a", function="lex", at=0.0, succeeded=3, failed=1)])
    display.intermodal_unconfigure(None)
"""


def test_live_progress_shows_steps_and_bars_and_leaves_the_terminal_clean() -> None:
    """At a terminal: steps, a bar with counts, prints above it, a lasting summary, and the cursor back."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        script(LIVE), stdout=child, stderr=child, env={**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    )
    os.close(child)
    shown = b""
    while True:
        try:
            chunk = os.read(parent, 65536)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    os.close(parent)
    assert process.wait() == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    for expected in (
        "step 1/1 pip install pygments",
        "✓ image of lex built in 1.5 s",
        "1/4",
        "3/4",
        "1 failed",
        "wait  1 call runs",
    ):
        assert expected in text
    assert "from the program" in text
    assert "f c-1 | from a container" in text
    assert "✗ lex: 4 inputs done, 1 failed" in text
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l")


def test_prints_to_a_pipe_stay_out_of_the_live_display() -> None:
    """stdout piped, stderr a terminal: stdout has the program's and the containers' lines, and nothing else."""
    parent, child = pty.openpty()
    process = subprocess.Popen(script(LIVE), stdout=subprocess.PIPE, stderr=child)
    os.close(child)
    assert process.stdout is not None
    out = process.stdout.read()
    process.stdout.close()
    os.close(parent)
    assert process.wait() == 0
    assert out == b"from the program\nf c-1 | from a container\n"
