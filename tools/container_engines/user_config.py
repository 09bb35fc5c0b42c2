"""The user's configuration of Intermodal: gets what is missing there for this machine's engines."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from container_engines.failure import say
from container_engines.machine import ca_bundle, variables

__all__ = ["add_missing", "config_path", "write_config"]


def config_path(environ: Mapping[str, str]) -> Path:
    """Where that file is."""
    if environ.get("INTERMODAL_CONFIG_PATH"):
        return Path(environ["INTERMODAL_CONFIG_PATH"]).expanduser().absolute()
    return Path(environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser().absolute() / "intermodal" / "config.toml"


def write_config(backends: tuple[str, ...], environ: Mapping[str, str]) -> None:
    """Let builds and containers of `backends` have this machine's certificates, indexes and proxies.

    What the file says already stays as it is.
    """
    wanted: dict[str, Any] = {}
    if bundle := ca_bundle(environ):
        wanted["ca_bundle"] = bundle
    if env := variables(environ):
        wanted["env"] = [f"{name}={value}" for name, value in env.items()]
    path = config_path(environ).resolve()
    try:
        text = path.read_text()
    except FileNotFoundError:
        text = ""
    for backend in backends:
        changed = add_missing(text, backend, wanted)
        if changed is None:
            lines = "\n".join(_lines(wanted))
            say(f"{path} is not changed: for this machine, [{backend}] in it may want these lines:\n{lines}")
        else:
            text = changed
    if text and (not path.exists() or text != path.read_text()):
        say(f"Writing this machine's certificates and indexes for {' and '.join(backends)} to {path}.")
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.touch(mode=0o600)  # addresses of indexes may hold passwords
        partial.write_text(text)
        partial.rename(path)


def add_missing(text: str, section: str, wanted: Mapping[str, Any]) -> str | None:
    """`text` with the keys that its section lacks; None where that cannot be done without spoiling it."""
    try:
        before = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
    there = before.get(section, {})
    if not isinstance(there, dict):
        return None
    missing = {key: value for key, value in wanted.items() if key not in there}
    if not missing:
        return text
    lines = "".join(f"{line}\n" for line in _lines(missing))
    if section in before:
        header = re.compile(rf"^\[{section}\][^\n]*(\n|\Z)", re.MULTILINE)
        changed = header.sub(lambda found: f"{found[0].rstrip(chr(10))}\n{lines}", text, count=1)
    else:
        begin = f"{text.rstrip()}\n\n" if text.strip() else ""
        changed = f"{begin}[{section}]\n{lines}"
    try:
        after = tomllib.loads(changed)
    except tomllib.TOMLDecodeError:
        return None
    return changed if after == {**before, section: {**there, **missing}} else None


def _lines(values: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
