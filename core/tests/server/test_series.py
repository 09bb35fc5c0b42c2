"""What programs have measured, kept over time (log.lines)."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intermodal.plugins import Metric
from intermodal.server.metrics.series import Series, SeriesStore, Span, open_samples

METRICS = st.builds(
    Metric,
    app=st.sampled_from(["shop", "other"]),
    function=st.sampled_from(["sell", "buy"]),
    name=st.sampled_from(["price", "count"]),
    unit=st.sampled_from(["", "ms"]),
    value=st.integers(-1000, 1000).map(float) | st.sampled_from([float("nan"), float("inf"), 1e300]),
    at=st.integers(0, 99).map(float),
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(metrics=st.lists(METRICS, max_size=20), points=st.integers(1, 7), number=st.integers(0, 1 << 60))
def test_points_are_those_of_the_values(
    folder: Path, database_url: str, metrics: list[Metric], points: int, number: int
) -> None:
    """In each part of the span mean, least, greatest and count, by function and unit; and every series is listed."""
    store = SeriesStore(open_samples(folder, database_url), float("inf"))
    environment = f"{number}-{time.monotonic_ns()}"  # of this example alone
    store.append(environment, metrics)
    kept = [metric for metric in metrics if metric.app == "shop" and abs(metric.value) != float("inf")]
    kept = [metric for metric in kept if metric.value == metric.value]
    span = Span(10.0, 80.0, points)
    expected: dict[tuple[str, str, int], list[float]] = {}
    for metric in kept:
        if metric.name == "price" and 10.0 <= metric.at < 80.0:
            part = int((metric.at - 10.0) / span.step)
            expected.setdefault((metric.function, metric.unit, part), []).append(metric.value)
    found = store.points(environment, "shop", "price", span)
    assert [(point.function, point.unit, point.at) for point in found] == [
        (function, unit, 10.0 + part * span.step) for function, unit, part in sorted(expected)
    ]
    for point, (_, values) in zip(found, sorted(expected.items()), strict=True):
        assert (point.least, point.greatest, point.count) == (min(values), max(values), len(values))
        assert point.mean == pytest.approx(sum(values) / len(values))
    listed = {(each.function, each.name, each.unit): each for each in store.series(environment, "shop")}
    assert set(listed) == {(metric.function, metric.name, metric.unit) for metric in kept}
    assert sum(each.count for each in listed.values()) == len(kept)
    store.close()


GREATEST = 1.7976931348623157e308


@pytest.mark.parametrize("value", [1e308, -1e308, GREATEST, -GREATEST, 5e-324])
def test_values_whose_sum_is_no_number_have_a_mean(tmp_path: Path, database_url: str, value: float) -> None:
    """Between the least and the greatest of them."""
    store = SeriesStore(open_samples(tmp_path, database_url), float("inf"))
    environment = f"{value}-{time.monotonic_ns()}"
    store.append(environment, [Metric(app="shop", function="sell", name="n", value=value, at=1.0)] * 9)
    (point,) = store.points(environment, "shop", "n", Span(0.0, 10.0, 1))
    assert point.mean == pytest.approx(value)
    assert (point.least, point.greatest, point.count) == (value, value, 9)
    store.close()


def test_what_is_too_old_or_too_much_goes(tmp_path: Path, database_url: str) -> None:
    """The oldest first, while new values come; many at once as well."""
    now = time.time()

    def metrics(at: float, count: int) -> list[Metric]:
        return [Metric(app="shop", function="sell", name="n", value=1.0, at=at)] * count

    store = SeriesStore(open_samples(tmp_path, database_url), 3600.0, most=3000)
    store.append("main", metrics(now - 7200, 2500))
    store.append("main", metrics(now, 10))
    assert store.series("main", "shop") == [Series("sell", "n", "", 10, 1.0, now)]
    store.append("main", metrics(now, 5000))
    assert store.series("main", "shop")[0].count == 3000
    store.close()


def test_a_name_too_long_for_an_index_is_not_kept(tmp_path: Path, database_url: str) -> None:
    """And keeps no other from being kept."""
    store = SeriesStore(open_samples(tmp_path, database_url), float("inf"))
    names = ["n" * 200, "n" * 201, "short"]
    store.append("main", [Metric(app="a", function="f", name=name, value=1.7e308, at=1.0) for name in names * 2])
    assert [each.name for each in store.series("main", "a")] == ["n" * 200, "short"]
    (point,) = store.points("main", "a", "short", Span(0.0, 10.0, 1))
    assert (point.greatest, point.count) == (1.7e308, 2)
    store.close()
