"""The figures to reach, on two cores, as ratios within one run where a peer is named."""

from __future__ import annotations

from dataclasses import dataclass

from harness import Results

__all__ = ["TARGETS", "Target"]


@dataclass(frozen=True)
class Target:
    """`measure` of Intermodal against `bound`: a plain number, or a multiple of `peer`'s number."""

    measure: str
    better: str
    bound: float
    peer: str | None = None
    unit: str = ""

    def reached(self, results: Results) -> tuple[float, bool] | None:
        """The number to compare and whether it is good enough; None where it was not measured."""
        ours = results.solo.get(self.measure) if self.peer is None else results.median(self.measure, "intermodal")
        if ours is None:
            return None
        value = float(ours)
        if self.peer is not None:
            theirs = results.median(self.measure, self.peer)
            if theirs is None:
                return None
            value /= theirs
        return value, value >= self.bound if self.better == "higher" else value <= self.bound

    def __str__(self) -> str:
        sign = "≥" if self.better == "higher" else "≤"
        bound = f"{self.bound:,g}"
        return f"{sign} {bound} × {self.peer}" if self.peer else f"{sign} {bound} {self.unit}".rstrip()


TARGETS = (
    Target("throughput", "higher", 8.0, "ppe"),
    Target("throughput", "higher", 20.0, "ray"),
    Target("latency", "lower", 1.0, "ppe"),
    Target("latency", "lower", 0.15, "ray"),
    Target("echo-bytes", "higher", 1.2, "ray"),
    Target("echo-bytes", "higher", 4.0, "ppe"),
    Target("echo-numpy", "higher", 1.2, "ray"),
    Target("echo-numpy", "higher", 4.0, "ppe"),
    Target("payload-memory", "lower", 1.2, unit="GiB"),
    Target("container-start", "lower", 25.0, unit="ms"),
    Target("container-start-snapshot", "lower", 25.0, unit="ms"),
    Target("hello", "lower", 0.8, unit="s"),
    Target("help", "lower", 0.2, unit="s"),
    Target("import-time", "lower", 60.0, unit="ms"),
    Target("memory", "lower", 60.0, unit="MB"),
    Target("engine", "higher", 150_000.0, unit="inputs/s"),
)
