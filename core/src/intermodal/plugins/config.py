"""Layered configuration; later wins: pyproject.toml → the user's file → a profile → `INTERMODAL_*` → the command
line."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intermodal.exception import ConfigError, DeprecationWarning
from intermodal.plugins.layers import (
    USER_CONFIG,
    Layer,
    Project,
    file_layer,
    find_project,
    project_layer,
    user_config_path,
)
from intermodal.plugins.options import PREFIX, Option, Options, nearest, parse_text, parse_value
from intermodal.plugins.profiles import PROFILE, profile_layer

__all__ = ["Config", "Setting", "set_command_line"]

DEFAULT_ORIGIN = "default"

#: A century, and more than any disk has: what deadlines and databases can still count with.
_MOST_DAYS = 36_500
_MOST_SECONDS = _MOST_DAYS * 86_400
_MOST_BYTES = 1 << 62

#: What the command line of this process said, for every `Config.load` in it: `app.run()` in the user's file obeys it
#: too.
_command_line: dict[str, str] = {}
_start: list[Path] = []


@dataclass(frozen=True, slots=True)
class Setting:
    """One option's value, and which source gave it."""

    option: Option
    value: Any
    origin: str


class Config:
    """The settings of one session. Made with `Config.load`."""

    def __init__(self, layers: Iterable[Layer], project: Project | None, environ: Mapping[str, str]) -> None:
        self._layers = tuple(layers)
        self._environ = environ
        self._project = project
        self.options = Options()
        add_core_options(self.options, environ)

    @classmethod
    def load(
        cls,
        start: Path | None = None,
        *,
        command_line: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Config:
        """Read every source.

        Args:
            start: the directory to search upward from for a project; the entry file's, or the current one.
            command_line: texts by option name, over all else, what `set_command_line` was told included.
            environ: default: `os.environ`.

        Raises:
            ConfigError: a file cannot be read.
        """
        environ = os.environ if environ is None else environ
        project = find_project(start or (_start[-1] if _start else Path.cwd()))
        path, named = user_config_path(environ)
        texts = {**_command_line, **(command_line or {})}
        other_server = bool(environ.get(f"{PREFIX}SERVER_URL") or texts.get("server_url"))
        files = project_layer(project), file_layer(path, required=named)
        profile = profile_layer(environ, other_server=other_server)
        return cls((*files, profile, Layer("command line", texts, text=True)), project, environ)

    @property
    def project(self) -> Project | None:
        """The project that was found, with its root directory."""
        return self._project

    @property
    def backend(self) -> str:
        """The chosen backend's name."""
        return str(self.get("backend"))

    @property
    def data_dir(self) -> Path:
        """Where this user's blobs, locks, layers and state are (`INTERMODAL_DATA_DIR`)."""
        return Path(self.get("data_dir"))

    @property
    def environment(self) -> str:
        """The environment that named objects live in."""
        return str(self.get("environment"))

    def get(self, name: str) -> Any:
        """The value of a registered option. Raises `ConfigError`: no such option, or a source's value does not fit its
        type.
        """
        return self.setting(name).value

    def origin(self, name: str) -> str:
        """The source that gave the value: a file, an environment variable, "command line" or "default"."""
        return self.setting(name).origin

    def setting(self, name: str) -> Setting:
        """Value and origin of one option."""
        option = self.options.get(name)
        found = list(self._found(option))
        if not found:
            return Setting(option, option.default, DEFAULT_ORIGIN)
        if option.additive:
            values = tuple(item for value, _ in found for item in value)
            return Setting(option, values, " + ".join(origin for _, origin in found))
        return Setting(option, *found[-1])

    def settings(self) -> list[Setting]:
        """All registered options with their values."""
        return [self.setting(option.name) for option in self.options]

    def check(self, other_sections: Iterable[str] = ()) -> None:
        """Validate every value, and refuse names in files or on the command line that no option has.

        Args:
            other_sections: sections of plugins and backends that are known but not loaded; those are not looked into.
                Any other unknown section gets a warning only: it may belong to a plugin that is not installed here.
        """
        self.settings()
        self._warn_of_variables()
        known, foreign = self.options.sections(), set(other_sections)
        for layer in self._layers:
            for name in layer.values:
                if name in self.options:
                    continue
                section, dot, _ = name.partition(".")
                if not dot or section in known or layer.text:
                    raise ConfigError(
                        f"{layer.origin} sets {name!r}, which is no option{nearest(name, self._names())}; "
                        "`intermodal config` lists them"
                    )
                if section not in foreign:
                    foreign.add(section)
                    hint = nearest(section, known | set(other_sections))
                    warnings.warn(
                        f"{layer.origin}: nothing that is loaded reads the section {section!r}{hint}", stacklevel=2
                    )

    def within(self, environment: str) -> Config:
        """The same settings for another environment; without the options that plugins have added to these."""
        *files, command_line = self._layers
        texts = {**command_line.values, "environment": environment}
        return Config((*files, Layer(command_line.origin, texts, text=True)), self._project, self._environ)

    def _warn_of_variables(self) -> None:
        """About those that are nearly a setting: others with our prefix may be anybody's."""
        known = [option.env for option in self.options]
        for name in self._environ:
            if name.startswith(PREFIX) and name not in known and name not in (USER_CONFIG, PROFILE):
                hint = nearest(name.removeprefix(PREFIX), [each.removeprefix(PREFIX) for each in known], cutoff=0.8)
                if hint:
                    hint = hint.replace("'", f"'{PREFIX}", 1)
                    warnings.warn(f"{name} is set, and is no setting{hint}", stacklevel=2)

    def _names(self) -> list[str]:
        return [option.name for option in self.options]

    def _found(self, option: Option) -> Iterator[tuple[Any, str]]:
        """Values of `option`, the weakest source first."""
        *files, command_line = self._layers
        for layer in files:
            if option.name in layer.values:
                yield parse_value(option, layer.values[option.name], layer.origin), layer.origin
        variable = self._variable(option)
        if variable is not None:
            yield parse_text(option, self._environ[variable], variable), variable
        if option.name in command_line.values:
            yield parse_text(option, command_line.values[option.name], command_line.origin), command_line.origin

    def _variable(self, option: Option) -> str | None:
        """The environment variable that sets `option`. An empty one counts as not set."""
        if self._environ.get(option.env):
            return option.env
        for old in option.old_env:
            if self._environ.get(old):
                _warn_once(old, option.env)
                return old
        return None


def set_command_line(values: Mapping[str, str], start: Path | None = None) -> None:
    """Remember what this process was started with: option texts by name, and where to search for a project."""
    _command_line.clear()
    _command_line.update(values)
    _start[:] = [] if start is None else [start]


def add_core_options(options: Options, environ: Mapping[str, str]) -> None:
    """Register what core itself reads."""
    data_home = Path(environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser().absolute()
    options.add(
        "backend",
        default="local",
        help="The backend that carries out apps; `intermodal plugins` lists those installed.",
    )
    options.add(
        "data_dir",
        type="path",
        default=data_home / "intermodal",
        help="Where blobs, image layers, locks and named objects are kept.",
    )
    options.add(
        "environment",
        type="name",
        default="main",
        old_env=("MODAL_ENVIRONMENT", "MODAL_ENV"),
        help="The environment that named objects and deployments belong to.",
    )
    options.add(
        "server_url",
        default="",
        help="The server that carries out apps, http(s)://HOST[:PORT]; empty: this process does it itself.",
    )
    options.add(
        "token",
        default="",
        secret=True,
        help="What opens the server of server_url; `intermodal token create NAME` gives one.",
    )
    options.add(
        "server_ca",
        type="path",
        help="PEM file of the authority that signed the server's certificate; none: those that this machine trusts.",
    )
    options.add(
        "server_plaintext",
        type="bool",
        default=False,
        help="Send the token to a server on another machine over http://, for all on the way to read.",
    )
    options.add(
        "web_port",
        type="int",
        default=0,
        smallest=0,
        largest=65_535,
        help="The port of this machine where web functions of app.run() take requests; 0: any free one.",
    )
    options.add(
        "database_url",
        default="",
        secret=True,
        help="PostgreSQL for what a server remembers, postgresql://USER@HOST/DATABASE; empty: files in data_dir.",
    )
    options.add(
        "log_days",
        type="float",
        default=14.0,
        smallest=0,
        largest=_MOST_DAYS,
        help="Days that a server keeps what containers print.",
    )
    options.add(
        "log_bytes",
        type="int",
        default=1 << 30,
        smallest=0,
        largest=_MOST_BYTES,
        help="Bytes of disk that a server gives to what containers print; beyond, the oldest lines go.",
    )
    options.add(
        "client_lease_s",
        type="float",
        default=90.0,
        smallest=0,
        largest=_MOST_SECONDS,
        help="Seconds that a server keeps the app of a client whose connection broke, for the client to come back.",
    )
    options.add(
        "app_idle_s",
        type="float",
        default=300.0,
        smallest=0,
        largest=_MOST_SECONDS,
        help="Seconds without a call or container after which a server ends the session of a deployed app; its next "
        "call starts it again.",
    )
    options.add(
        "call_days",
        type="float",
        default=7.0,
        smallest=0,
        largest=_MOST_DAYS,
        help="Days that a server keeps the outputs of spawned calls that have ended.",
    )
    options.add(
        "call_bytes",
        type="int",
        default=8 << 30,
        smallest=0,
        largest=_MOST_BYTES,
        help="Bytes that a server gives to inputs and outputs of spawned calls; beyond, the oldest ended ones go.",
    )
    options.add(
        "gpu_wait_s",
        type="float",
        default=10.0,
        smallest=0,
        largest=_MOST_SECONDS,
        help="Seconds that a busy GPU of a fallback list is waited for before the next choice is tried.",
    )
    options.add(
        "build_gpu_wait_s",
        type="float",
        default=600.0,
        smallest=0,
        largest=_MOST_SECONDS,
        help="Seconds that a step of an image waits for a GPU that is in use before the build fails.",
    )
    options.add(
        "volume_commit_s",
        type="float",
        default=10.0,
        smallest=0,
        largest=_MOST_SECONDS,
        help="Seconds between the commits of what running containers write to volumes.",
    )
    options.add(
        "grace_s",
        type="float",
        default=10.0,
        smallest=0,
        largest=_MOST_SECONDS,
        help="Seconds that running inputs and exit methods get when a container is stopped.",
    )
    options.add(
        "prewarm",
        type="bool",
        default=True,
        help="Keep one more container ready for each function in use, where the backend can do that.",
    )
    options.add(
        "secret_key_file",
        type="path",
        help="The key of named secrets; default: secret.key in data_dir.",
    )
    options.add(
        "plugins",
        type="list",
        additive=True,
        help="Plugins to load by entry-point or module name; `no:NAME` keeps one out. All sources are joined.",
    )
    options.add(
        "disable_plugin_autoload",
        type="bool",
        default=False,
        help="Load only the plugins that are named, not every installed one.",
    )


_warned: set[str] = set()


def _warn_once(old: str, new: str) -> None:
    if old not in _warned:
        _warned.add(old)
        warnings.warn(
            f"the environment variable {old} is an older spelling: set {new}", DeprecationWarning, stacklevel=4
        )
