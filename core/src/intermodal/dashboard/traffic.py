"""Charts and figures of what was seen of calls."""

from __future__ import annotations

from intermodal.dashboard.charts import Chart, Drawn, Line, chart
from intermodal.dashboard.rendering import exact, seconds
from intermodal.server.activity import Cells
from intermodal.server.activity.cells import quantile, summed
from intermodal.server.activity.figures import Figures, figures

__all__ = ["Figures", "amount", "charts", "figures"]

#: Parts of the durations, by what they are called.
_QUANTILES = (("p50", 0.5, "1"), ("p95", 0.95, "3"), ("p99", 0.99, "4"))


def charts(cells: Cells, now: float, *, parts: int = 60) -> list[Drawn]:
    """Calls, durations and failures of the last hour, each in so many parts."""
    per_part = cells.count // parts
    step_s = cells.step_s * per_part
    # Whole parts, the last of which goes on.
    until = (now // step_s + 1) * step_s
    fine = cells.last(until - cells.step_s)
    coarse = [summed(fine[start : start + per_part]) for start in range(0, cells.count, per_part)]
    since = until - step_s * len(coarse)
    rate = Line("calls/s", [cell.calls / step_s for cell in coarse])
    spans = [Line(name, [quantile(cell.bins, part) for cell in coarse], tone) for name, part, tone in _QUANTILES]
    ends = [
        Line("succeeded", [float(cell.succeeded) for cell in coarse], "2"),
        Line("failed", [float(cell.failed) for cell in coarse], "bad"),
    ]
    drawn = (
        Chart("Calls", amount, since, step_s, [rate], bars=True),
        Chart("Duration of calls", seconds, since, step_s, spans),
        Chart("Inputs by result", amount, since, step_s, ends, bars=True),
    )
    return [chart(each, exact) for each in drawn]


def amount(value: float) -> str:
    """A number in few characters."""
    if value >= 10_000:
        return f"{value:,.0f}" if value < 1e15 else f"{value:.3g}"
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"
