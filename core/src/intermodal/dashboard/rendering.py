"""From templates to pages."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.runtime import Macro

from intermodal.dashboard.assets import Assets
from intermodal.dashboard.text import harmless
from intermodal.specs import Resources

__all__ = ["Rendering", "ago", "exact", "seconds"]

_STEPS = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
_BYTES = ("B", "KiB", "MiB", "GiB", "TiB")


class Rendering:
    """The templates, loaded when they are first needed."""

    def __init__(self, assets: Assets) -> None:
        self._templates = templates = Environment(
            loader=PackageLoader("intermodal.dashboard"),
            autoescape=True,
            finalize=harmless,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        templates.globals["asset"] = assets.url
        shown = (ago, exact, iso, seconds, resources)
        templates.filters |= {"bytes": in_bytes, **{each.__name__: each for each in shown}}

    def page(self, template: str, values: Mapping[str, Any]) -> str:
        """A whole page."""
        return self._render(template, "base.html", values)

    def live(self, template: str, values: Mapping[str, Any]) -> str:
        """Its block `live` only."""
        return self._render(template, "live.html", values)

    def _render(self, template: str, layout: str, values: Mapping[str, Any]) -> str:
        """The macros know what the page knows, so that none needs to be told."""
        module = self._templates.get_template("macros.html").make_module(dict(values))
        macros = {name: each for name, each in vars(module).items() if isinstance(each, Macro)}
        return self._templates.get_template(template).render({**macros, **values, "layout": layout})


def ago(at: float, now: float | None = None) -> str:
    """How long since a moment, or until it, in Unix seconds."""
    passed = (time.time() if now is None else now) - at
    if abs(passed) < 1:
        return "now"
    return f"{_rough(passed)} ago" if passed > 0 else f"in {_rough(-passed)}"


def _rough(span: float) -> str:
    size, unit = next(((size, unit) for size, unit in _STEPS if span >= size), (1.0, "s"))
    return f"{int(span / size)} {unit}"


def exact(at: float) -> str:
    """A moment to the millisecond."""
    return f"{_moment(at):%Y-%m-%d %H:%M:%S}.{int(at % 1 * 1000):03} UTC"


def iso(at: float) -> str:
    """A moment as HTML's `datetime` wants it."""
    return _moment(at).isoformat(timespec="milliseconds")


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(min(max(at, 0.0), 253_402_300_799.0), UTC)


def seconds(span: float | None) -> str:
    """A duration."""
    if span is None:
        return "–"
    if span < 1:
        return f"{span * 1000:.3g} ms" if span < 0.9995 else "1 s"
    if span < 60:
        return f"{span:.3g} s"
    minutes, rest = divmod(round(span), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def resources(wanted: Resources) -> str:
    """What a container asks for."""
    parts = [f"{wanted.cpu:g} cpu", in_bytes(wanted.memory << 20)]
    if wanted.gpu is not None:
        parts.append(" or ".join(str(choice) for choice in wanted.gpu.choices))
    return ", ".join(parts)


def in_bytes(size: float) -> str:
    """A size."""
    for unit in _BYTES:
        if size < 1024 or unit == _BYTES[-1]:
            return f"{size:.3g} {unit}" if unit != "B" else f"{int(size)} B"
        size /= 1024
    raise AssertionError
