"""Changing container specs, and feeding observers in batches off the caller's thread."""

from __future__ import annotations

import sys
import threading

import pytest

from intermodal.exception import PluginError
from intermodal.plugins import LaunchRefused, LogLine, Metric, Notice, observers
from intermodal.specs import ContainerSpec, HostMount

SPEC = ContainerSpec(id="c-1", app="a", function="f", env=(("A", "1"),))

RECORDER = """
    import threading
    got, threads, gate = [], set(), threading.Event()
    gate.set()
    @hookimpl
    def intermodal_log(events):
        gate.wait()
        threads.add(threading.get_ident())
        got.append([line.text for line in events])
    @hookimpl
    def intermodal_metric(events): got.append([(m.name, m.value, m.unit) for m in events])
    @hookimpl
    def intermodal_notice(events): got.append([n.message for n in events])
"""


def line(text: str) -> LogLine:
    return LogLine(app="a", function="f", container="c-1", stream=1, text=text, at=0.0)


def test_a_spec_nobody_changes_is_the_same_object(start) -> None:
    """Without such plugins launching costs nothing more."""
    assert start().modify_container_spec(SPEC) is SPEC


def test_plugins_change_the_draft_and_it_is_frozen(add_plugin, start) -> None:
    """An environment variable and a mount more, the rest as it was."""
    add_plugin(
        "draft",
        """
        from intermodal.specs import HostMount
        @hookimpl
        def intermodal_modify_container_spec(config, draft):
            draft.env["B"] = draft.function
            draft.mounts.append(HostMount(source="/etc/ca", target="/etc/ca"))
        """,
    )
    changed = start().modify_container_spec(SPEC)
    assert changed.env == (("A", "1"), ("B", "f"))
    assert changed.mounts == (HostMount(source="/etc/ca", target="/etc/ca"),)
    assert (changed.id, changed.workdir) == (SPEC.id, SPEC.workdir)


def test_a_draft_made_unusable_names_the_plugin(add_plugin, start) -> None:
    """And the attribute."""
    add_plugin("spoil", "@hookimpl\ndef intermodal_modify_container_spec(draft): draft.env['N'] = 3")
    with pytest.raises(PluginError, match=r"c-1 unusable \(the plugin 'spoil' of dist-spoil 1\.0\): env has 'N'"):
        start().modify_container_spec(SPEC)


def test_a_plugin_may_refuse_a_container(add_plugin, start) -> None:
    """LaunchRefused passes through to the driver."""
    add_plugin("no", "@hookimpl\ndef intermodal_modify_container_spec(draft): raise LaunchRefused('not on Fridays')")
    with pytest.raises(LaunchRefused, match="Fridays"):
        start().modify_container_spec(SPEC)


def test_observers_get_everything_in_order_on_another_thread(add_plugin, start) -> None:
    """What waits together arrives as one batch."""
    add_plugin("rec", RECORDER)
    host = start()
    recorder = sys.modules["plug_rec"]
    recorder.gate.clear()
    for n in range(100):
        host.observe("log", [line(str(n))])
    recorder.gate.set()
    host.flush()
    assert [text for batch in recorder.got for text in batch] == [str(n) for n in range(100)]
    assert len(recorder.got) <= 3
    assert recorder.threads.isdisjoint({threading.get_ident()})


def test_close_delivers_what_waits(add_plugin, start) -> None:
    """Nothing that was observed is lost at the end; afterwards observations go nowhere."""
    add_plugin("rec", RECORDER)
    host = start()
    host.observe("log", [line("last words")])
    host.close()
    host.observe("log", [line("ghost")])
    assert sys.modules["plug_rec"].got == [["last words"]]


def test_kinds_that_nobody_wants_are_told_apart(add_plugin, start) -> None:
    """So that the driver need not make them."""
    add_plugin("rec", RECORDER)
    host = start()
    assert host.observes("notice")
    assert not host.observes("call_started")


def test_a_failing_observer_is_reported_once_and_the_others_go_on(add_plugin, start, capfd) -> None:
    """Its plugin, hook and error are said; the run is not disturbed."""
    add_plugin("bad", "@hookimpl\ndef intermodal_log(events): raise RuntimeError('no connection')")
    add_plugin("rec", RECORDER)
    host = start()
    for text in ("one", "two"):
        host.observe("log", [line(text)])
        host.flush()
    assert sys.modules["plug_rec"].got == [["one"], ["two"]]
    said = capfd.readouterr().err
    assert said.count("'bad' failed in intermodal_log") == 1
    assert "no connection" in said


def test_output_beyond_the_backlog_is_dropped_and_said(add_plugin, start, monkeypatch) -> None:
    """A stuck reader costs bounded memory, never a deadlock, and the gap is marked (fault 17)."""
    monkeypatch.setattr(observers, "LOG_BACKLOG", 1000)
    add_plugin("rec", RECORDER)
    host = start()
    recorder = sys.modules["plug_rec"]
    recorder.gate.clear()
    for _ in range(100):
        host.observe("log", [line("x" * 100)])
    recorder.gate.set()
    host.flush()
    delivered = [text for batch in recorder.got for text in batch]
    lines = sum(text.startswith("x") for text in delivered)
    assert 10 <= lines <= 22  # a full backlog, and one that was taken whole before the reader got stuck
    gaps = [int(text[1:].split()[0]) for text in delivered if "lines of output were dropped" in text]
    assert sum(gaps) == 100 - lines
    assert "dropped" in delivered[-1]


def test_metric_lines_become_metrics(add_plugin, start) -> None:
    """METRIC name=value[unit] …; other words and other lines are passed over."""
    add_plugin("rec", RECORDER)
    host = start()
    host.observe(
        "log", [line("METRIC loss=0.25 speed=1.5e3tok/s junk =1 x="), line("a METRIC b=1"), line("METRICS c=2")]
    )
    host.flush()
    assert [("loss", 0.25, ""), ("speed", 1500.0, "tok/s")] in sys.modules["plug_rec"].got


def test_structured_records_reach_observers_as_fields(add_plugin, start) -> None:
    """A JSON line, and JSON after a logging prefix; the text stays as it was printed."""
    source = """
        got = []
        @hookimpl
        def intermodal_log(events): got.extend((line.text, line.fields) for line in events)
        """
    add_plugin("fields", source)
    host = start()
    host.observe("log", [line('INFO:app:{"step": 3}'), line("plain {text}"), line('{"a": [1]}')])
    host.flush()
    assert sys.modules["plug_fields"].got == [
        ('INFO:app:{"step": 3}', {"step": 3}),
        ("plain {text}", None),
        ('{"a": [1]}', {"a": [1]}),
    ]


def test_plugins_may_observe_too(add_plugin, start) -> None:
    """intermodal_configure gets the host for that."""
    add_plugin("rec", RECORDER)
    add_plugin(
        "own",
        """
        @hookimpl
        def intermodal_configure(config, host): host.observe("notice", [Notice(level="info", message="hello", at=0.0)])
        """,
    )
    host = start()
    host.flush()
    assert ["hello"] in sys.modules["plug_rec"].got


def test_records_are_frozen_and_small() -> None:
    """Observers cannot change what others get."""
    metric = Metric(name="n", value=1.0, at=0.0)
    with pytest.raises(AttributeError):
        metric.value = 2.0
    assert not hasattr(Notice(level="info", message="m", at=0.0), "__dict__")


def test_output_plugins_come_and_go(start, capfd) -> None:
    """show_output turns the log sink on and off; -p no:logs keeps it off."""
    host = start()
    host.observe("log", [line("unseen")])
    host.show_output(progress=False)
    host.observe("log", [line("shown")])
    host.show_output(logs=False, progress=False)
    host.observe("log", [line("unseen")])
    host.flush()
    assert capfd.readouterr().out == "f c-1 | shown\n"
    blocked = start(plugins="no:logs")
    blocked.show_output(progress=False)
    blocked.observe("log", [line("unseen")])
    blocked.flush()
    assert capfd.readouterr().out == ""
