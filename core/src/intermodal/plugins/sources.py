"""Package indexes whose addresses have values of secrets in them: told to uv by its environment, which others of the
host cannot read as they can its arguments."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import replace

from intermodal.specs import PythonPackages

__all__ = ["with_secret_sources"]


def with_secret_sources(step: PythonPackages, secrets: Mapping[str, str]) -> tuple[PythonPackages, dict[str, str]]:
    """`step` without its indexes, and the variables that tell uv of them instead; without secrets, `step` as it is."""
    if not secrets:
        return step, {}

    def whole(text: str) -> str:
        return string.Template(text).safe_substitute(secrets)

    env: dict[str, str] = {}
    if step.index_url:
        env["UV_DEFAULT_INDEX"] = whole(step.index_url)
    if step.extra_index_urls:
        env["UV_INDEX"] = " ".join(map(whole, step.extra_index_urls))
        if step.tool == "pip":
            env["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # as pip does
    if step.find_links:
        env["UV_FIND_LINKS"] = whole(step.find_links)
    return replace(step, index_url=None, extra_index_urls=(), find_links=None), env
