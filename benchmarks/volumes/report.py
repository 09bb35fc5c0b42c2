"""The page docs/volume-benchmarks.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from figures import Limit, Numbers
from machine import busy, described, number, table

__all__ = ["SIZES", "TARGETS", "page", "tables"]

SIZES = ("1000", "10000", "100000")
_TITLES = {"1000": "1,000 files", "10000": "10,000 files", "100000": "100,000 files", "huge": "10,000 files, 10 GiB"}

Medians = Mapping[str, float]


@dataclass(frozen=True)
class Target:
    """A figure to reach: `value` gives it from medians; `KeyError` where something was not measured."""

    title: str
    value: Callable[[Medians], float]
    limit: Limit


def _of_size(size: str) -> tuple[Target, ...]:
    title = _TITLES[size]
    return (
        Target(f"{title}, one changed: commit", lambda own: own[f"commit {size}"], Limit(most=50, unit="ms")),
        Target(f"{title}, one changed: reload elsewhere", lambda own: own[f"reload {size}"], Limit(most=50, unit="ms")),
        Target(
            f"{title}: in a new container", lambda own: own[f"start {size}"] - own["start"], Limit(most=100, unit="ms")
        ),
    )


#: Ten times as much may cost a little more: look-ups in larger tables, longer names.
_FLAT = Limit(most=1.5)
TARGETS = (
    *_of_size("10000"),
    *_of_size("huge"),
    Target("commit, 100,000 ÷ 10,000 files", lambda own: own["commit 100000"] / own["commit 10000"], _FLAT),
    Target("reload, 100,000 ÷ 10,000 files", lambda own: own["reload 100000"] / own["reload 10000"], _FLAT),
    Target("1 GiB in 1,000 files, upload ÷ `cp -r`", lambda own: own["upload"] / own["cp"], Limit(least=0.5)),
    Target("small files, upload", lambda own: own["small"], Limit(least=5000, unit="files/s")),
)
_UPLOADS = (
    ("1 GiB in 1,000 files: `cp -r`", "cp", "MiB/s"),
    ("`Volume.batch_upload`", "upload", "MiB/s"),
    ("`intermodal volume put`, the whole command", "put", "MiB/s"),
    ("50,000 small files: `cp -r`", "small cp", "files/s"),
    ("`Volume.batch_upload`", "small", "files/s"),
)


def tables(numbers: Numbers) -> str:
    """The growth, the uploads, then what was reached, as Markdown."""
    own = {what: median(values) for what, values in numbers.items()}
    parts = []
    if "start" in own:
        rows = [
            [title, *(_ms(own, f"{what} {size}") for what in ("commit", "reload")), _ms(own, f"start {size}", "start")]
            for size, title in _TITLES.items()
            if f"commit {size}" in own
        ]
        parts.append(table(["volume", "commit", "reload elsewhere", "a new container takes longer by"], rows))
    if "cp" in own:
        parts.append(table(["upload", ""], [[title, f"{number(own[it])} {unit}"] for title, it, unit in _UPLOADS]))
    reached = []
    for target in TARGETS:
        try:
            value = target.value(own)
        except KeyError:
            continue
        limit = target.limit
        reached.append([target.title, str(limit), f"{number(value)} {limit.unit}", limit.verdict(value)])
    parts.append("## Against the figures to reach\n\n" + table(["figure", "target", "measured", ""], reached))
    return "\n\n".join(parts)


def _ms(own: Medians, what: str, without: str | None = None) -> str:
    return f"{number(own[what] - (own[without] if without else 0))} ms"


def page(numbers: Numbers, samples: int, rounds: int) -> str:
    """The whole page."""
    template = Path(__file__).with_name("page.md.in").read_text()
    return template.format(samples=samples, rounds=rounds, machine=described(), busy=busy(), tables=tables(numbers))
