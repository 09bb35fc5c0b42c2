"""Figures of a server's sessions (log.lines)."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from intermodal.plugins import (
    CallFinished,
    CallProgress,
    CallStarted,
    Config,
    ContainerExited,
    ContainerStarted,
    LogLine,
    Metric,
)
from intermodal.server.metrics import Figures, SessionFigures
from intermodal.server.metrics.bounds import OTHER, Bounded

OF = {"app": "shop", "function": "sell"}


def shown(figures: Figures) -> dict[tuple[str, ...], float]:
    """Values by name and the labels but environment, app and function."""
    text = generate_latest(figures.registry).decode()
    return {
        (
            sample.name,
            *(value for label, value in sorted(sample.labels.items()) if label not in ("environment", *OF)),
        ): (sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def session(figures: Figures) -> SessionFigures:
    """One that has a call of three inputs, two of them done, and a container."""
    made = SessionFigures(figures, "main")
    made.intermodal_call_started([CallStarted(call="fc-1", at=10.0, **OF)])
    made.intermodal_container_started([ContainerStarted(container="c-1", at=10.0, start_s=0.02, **OF)])
    made.intermodal_call_progress([CallProgress(call="fc-1", done=2, total=3, **OF)])
    return made


def test_calls_and_containers_are_counted_while_they_run_and_when_they_end() -> None:
    """And never below zero: what ends unheard of was never counted."""
    figures = Figures()
    running = session(figures)
    values = shown(figures)
    assert values["intermodal_calls_running",] == values["intermodal_containers_running",] == 1
    assert values["intermodal_inputs_open",] == 1
    running.intermodal_call_finished([CallFinished(call="fc-1", at=10.3, succeeded=2, failed=1, **OF)])
    for container in ("c-1", "c-never-ready"):
        running.intermodal_container_exited([ContainerExited(container=container, at=11.0, cause="exited", **OF)])
    running.intermodal_call_progress([CallProgress(call="fc-1", done=2, total=3, **OF)])
    running.intermodal_unconfigure(Config.load())
    values = shown(figures)
    assert values["intermodal_calls_running",] == values["intermodal_containers_running",] == 0
    assert values["intermodal_inputs_open",] == 0
    assert values["intermodal_inputs_ended_total", "succeeded"] == 2
    assert values["intermodal_inputs_ended_total", "failed"] == 1
    assert (values["intermodal_call_seconds_bucket", "0.25"], values["intermodal_call_seconds_bucket", "0.5"]) == (0, 1)
    assert values["intermodal_containers_exited_total", "exited"] == 2


def test_a_session_that_ends_takes_back_what_ran_in_it() -> None:
    """Its client was killed, say; the other session's figures stay."""
    figures = Figures()
    session(figures).intermodal_unconfigure(Config.load())
    session(figures)
    values = shown(figures)
    names = ("intermodal_calls_running", "intermodal_containers_running", "intermodal_inputs_open")
    assert [values[name,] for name in names] == [1, 1, 1]


@given(st.lists(st.tuples(st.text(max_size=4), st.floats(), st.text(max_size=2)), max_size=5))
def test_any_metric_of_a_program_can_be_shown(metrics: list[tuple[str, float, str]]) -> None:
    """Names, units and values are whatever a program prints; each is there with the value that came last."""
    figures = Figures()
    observing = SessionFigures(figures, "main")
    observing.intermodal_metric(
        [Metric(name=name, value=value, unit=unit, at=0.0, **OF) for name, value, unit in metrics]
    )
    made: dict[Any, float] = {}
    for family in figures.registry.collect():
        if family.name == "intermodal_metric":
            made = {(sample.labels["name"], sample.labels["unit"]): sample.value for sample in family.samples}
    assert {key: repr(value) for key, value in made.items()} == {
        (name, unit): repr(value) for name, value, unit in metrics
    }
    assert generate_latest(figures.registry)


def test_labels_are_bounded() -> None:
    """What comes beyond shares one set of labels; lone surrogates are no reason to fail."""
    bounded = Bounded(2)
    assert [bounded("a", str(number)) for number in (1, 2, 3, 1)] == [
        ("a", "1"),
        ("a", "2"),
        (OTHER, OTHER),
        ("a", "1"),
    ]
    assert Bounded(1)("\udcff") == ("?",)


def test_lines_are_counted_by_function() -> None:
    """Without a look at what is in them."""
    figures = Figures()
    line = LogLine(container="c-1", stream=1, text="\udcff", at=0.0, **OF)
    SessionFigures(figures, "main").intermodal_log([line] * 5)
    assert shown(figures)["intermodal_log_lines_total",] == 5
