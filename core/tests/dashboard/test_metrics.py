"""Charts of what programs measure."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from dashboard_site import Site, site
from intermodal.plugins import Metric


def measure(shown: Site, app: str, name: str, *values: float, function: str = "train", unit: str = "") -> None:
    """Have values kept, the last of this moment and a minute between them."""
    times = [time.time() - 60 * ago for ago in reversed(range(len(values)))]
    metrics = [
        Metric(at=at, app=app, function=function, name=name, unit=unit, value=value)
        for at, value in zip(times, values, strict=True)
    ]
    shown.overview.series.append("main", metrics)


def test_each_name_has_a_chart_with_a_line_for_each_function(tmp_path: Path) -> None:
    """Values are shown at a moment's place; below zero, too."""
    with site(tmp_path) as shown:
        assert "METRIC loss=0.25" in shown.page("metrics")
        measure(shown, "a<b>", "loss", 4.0, 2.0, -1.0)
        measure(shown, "a<b>", "loss", 7.0, function="test")
        measure(shown, "a<b>", "speed", 12345.0, unit="rows/s")
        measure(shown, "other", "none", 1.0)
        page = shown.page("metrics")
        assert 'href="/dashboard/metrics?app=a%3Cb%3E"' in page
        assert "a&lt;b&gt;" in page
        page = shown.page("metrics?app=a%3Cb%3E")
        assert re.findall(r"<strong>([^<]+)</strong>", page) == ["loss", "speed (rows/s)"]
        assert "train -1" in page
        assert "train 4" in page
        assert "test 7" in page
        assert "12,345" in page
        assert page.count('<path class="tone') == 3
        assert "nothing in this time" not in page
        assert "METRIC loss=0.25" in shown.page("metrics?app=unknown")


@pytest.mark.parametrize("hours", ["0", "x", "2", "1e3"])
def test_a_span_that_is_none_is_refused(tmp_path: Path, hours: str) -> None:
    """With those that there are."""
    with site(tmp_path) as shown:
        answer = shown.browser.get("/dashboard/metrics", params={"app": "a", "hours": hours})
        assert answer.status_code == 400
        assert "one of 1, 6, 24, 168" in answer.text


def test_apps_that_measure_are_found_without_their_samples(tmp_path: Path) -> None:
    """Each once, by name, of one environment."""
    with site(tmp_path) as shown:
        for app in ("b", "a", "b"):
            measure(shown, app, "loss", *range(5))
        assert shown.overview.series.apps("main") == ["a", "b"]
        assert shown.overview.series.apps("other") == []
