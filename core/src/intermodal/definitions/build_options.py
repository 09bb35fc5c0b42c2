"""What `Image`'s methods take, checked: packages, commands, and the options that many of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from intermodal.definitions.gpu import parse_gpu
from intermodal.definitions.options import check_types, pair, plain_env
from intermodal.exception import CapabilityNotSupported, InvalidError
from intermodal.specs import PythonPackages, StepResources

__all__ = ["absolute", "build_resources", "build_variables", "names", "no_extras", "packages"]

#: What Modal's build methods take beyond ours.
_EXTRAS = {
    "volumes": "builds mount no volumes: copy what they need, or do it in an @intermodal.enter() method",
    "network_file_systems": "builds mount none: remove it",
    "timeout": "builds have no time limit: remove it",
    "cloud": "the backend decides where images are built: remove it",
    "region": "the backend decides where images are built: remove it",
    "include_source": "the modules that the function's file imports are shipped: remove it",
}


def absolute(path: str | Path) -> Path:
    """A local path, as it is meant now."""
    return Path(path).expanduser().absolute()


def names(method: str, given: Sequence[Any]) -> tuple[str, ...]:
    """Strings and lists of strings, as one tuple. Raises `InvalidError`: one is empty."""
    found = [name for each in given for name in ([each] if isinstance(each, str) else each)]
    if not all(map(str.strip, found)):
        raise InvalidError(f"Image.{method} takes strings or lists of strings, and one of them is empty")
    return tuple(found)


def build_variables(env: Mapping[str, str | None] | None) -> tuple[tuple[str, str], ...]:
    """`env=` of a step."""
    return plain_env(env or {})


def build_resources(method: str, other: dict[str, Any]) -> StepResources:
    """`gpu=`, `cpu=` and `memory=` of a step, taken out of `other`. Raises `InvalidError`."""
    given = {name: other.pop(name, None) for name in ("gpu", "cpu", "memory")}
    check_types(f"Image.{method}", given)
    try:
        gpu = parse_gpu(given["gpu"])
        cpu, memory = _most("cpu", given["cpu"], 0.001), _most("memory", given["memory"], 1)
        return StepResources(gpu=gpu, cpu=None if cpu is None else float(cpu), memory=memory)
    except InvalidError as error:
        raise InvalidError(f"Image.{method}: {error}") from None


def _most(name: str, value: Any, low: float) -> Any:
    if value is None:
        return None
    request, limit = pair(name, value, low)
    return request if limit is None else limit


def no_extras(method: str, other: Mapping[str, Any]) -> None:
    """Raise for options that nobody knows, and for those that Modal knows and this version cannot follow."""
    for name, value in other.items():
        if name not in _EXTRAS:
            raise InvalidError(f"Image.{method} has no option {name!r}")
        if value:
            raise CapabilityNotSupported(f"image.{method}.{name}", hint=f"Image.{method}({name}=...): {_EXTRAS[name]}")


def packages(
    tool: str,
    wanted: tuple[str, ...],
    find_links: str | None,
    index_url: str | None,
    extra_index_url: str | Sequence[str] | None,
    pre: bool,
    extra_options: str,
) -> PythonPackages:
    """A step that installs Python packages."""
    extra = (extra_index_url,) if isinstance(extra_index_url, str) else tuple(extra_index_url or ())
    return PythonPackages(
        packages=wanted,
        index_url=index_url,
        extra_index_urls=extra,
        find_links=find_links,
        pre=pre,
        extra_options=tuple(extra_options.split()),
        tool=tool,
    )
