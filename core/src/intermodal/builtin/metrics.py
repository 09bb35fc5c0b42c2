"""Lines `METRIC name=value[unit] …` of containers become time series (log.lines)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from intermodal.plugins.config import Config
from intermodal.plugins.hookspecs import hookimpl
from intermodal.plugins.host import PluginHost
from intermodal.plugins.observations import LogLine, Metric

__all__ = ["MetricLines", "parse_metrics"]

#: Written so that no part can give back to another what it took: a hostile line of a MiB costs one pass.
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|(?:inf|nan)(?![A-Za-z]))"
_PAIR = re.compile(rf"(?P<name>[A-Za-z_][\w.:/-]*)=(?P<value>{_NUMBER})(?P<unit>[A-Za-z%µ][\w%/]*)?")


def parse_metrics(text: str) -> Iterator[tuple[str, float, str]]:
    """Name, value and unit of each pair of a `METRIC` line; nothing for other lines. Words that are no pair are passed
    over.
    """
    word, _, rest = text.strip().partition(" ")
    if word != "METRIC":
        return
    for item in rest.split():
        if pair := _PAIR.fullmatch(item):
            yield pair["name"], float(pair["value"]), pair["unit"] or ""


class MetricLines:
    """The built-in plugin `metrics`: from logs to `intermodal_metric`."""

    def __init__(self) -> None:
        self._host: PluginHost | None = None

    @hookimpl
    def intermodal_configure(self, config: Config, host: PluginHost) -> None:
        """Remember where metrics go."""
        self._host = host

    @hookimpl
    def intermodal_log(self, events: Sequence[LogLine]) -> None:
        """Look for metrics in each line."""
        found = [
            Metric(
                name=name,
                value=value,
                unit=unit,
                at=line.at,
                app=line.app,
                function=line.function,
                container=line.container,
                call=line.call,
            )
            for line in events
            if line.text.startswith("METRIC ")
            for name, value, unit in parse_metrics(line.text)
        ]
        if found and self._host is not None:
            self._host.observe("metric", found)
