"""The page docs/server-benchmarks.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median

from figures import Limit, Numbers
from machine import busy, described, number, table

__all__ = ["page", "tables"]

_ROWS = (
    ("requests/s, uvicorn with one worker alone", "uvicorn rate"),
    ("requests/s through the server", "server rate"),
    ("p50 of one connection, uvicorn, ms", "uvicorn p50"),
    ("p50 of one connection, server, ms", "server p50"),
    ("WebSockets open at once that echo", "sockets"),
    ("memory of the server for each of them, KiB", "socket KiB"),
    ("requests failed over all deploys", "failed"),
    ("deploys under load, of which some are broken on purpose", "deploys"),
    ("request that finds no container, ms", "cold"),
    ("one call after another, in this process, p50 ms", "here"),
    ("one call after another, through the server, p50 ms", "deployed"),
)


def tables(numbers: Numbers, sockets: int) -> str:
    """What was measured, then what was reached, as Markdown."""
    own: Mapping[str, float] = {what: median(values) for what, values in numbers.items()}
    limits = (
        ("requests/s ÷ uvicorn's", own["server rate"] / own["uvicorn rate"], Limit(least=0.5)),
        ("p50 beyond uvicorn's", own["server p50"] - own["uvicorn p50"], Limit(most=1.5, unit="ms")),
        ("WebSockets", own["sockets"], Limit(least=sockets, unit="open")),
        ("requests failed over deploys", sum(numbers["failed"]), Limit(most=0, unit="failed")),
        ("cold request", own["cold"], Limit(most=150, unit="ms")),
        ("call through the server ÷ in this process", own["deployed"] / own["here"], Limit(most=2)),
    )
    rows = [
        [title, str(limit), f"{number(value)} {limit.unit}", limit.verdict(value)] for title, value, limit in limits
    ]
    measured = table(["", "median"], [[title, number(own[what])] for title, what in _ROWS])
    return f"{measured}\n\n## Against the figures to reach\n\n" + table(["figure", "target", "measured", ""], rows)


def page(numbers: Numbers, sockets: int, rounds: int) -> str:
    """The whole page."""
    template = Path(__file__).with_name("page.md.in").read_text()
    return template.format(rounds=rounds, machine=described(), busy=busy(), tables=tables(numbers, sockets))
