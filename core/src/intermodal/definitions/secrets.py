"""`Secret`: values for the environment of containers, which never show in a spec, a log or a repr (secret.*)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, NoReturn

from intermodal.client.checking import checked_class
from intermodal.client.hiding import remember
from intermodal.definitions.named_secrets import NamedSecrets, read_named
from intermodal.definitions.naming import check_name, check_variables
from intermodal.exception import InvalidError, NotFoundError
from intermodal.specs import SecretName

__all__ = ["Secret", "parse_dotenv"]


@checked_class
class Secret:
    """Environment variables of containers. Made by one of its `from_` methods; read on the caller's side when an app
    starts."""

    #: Making, listing and deleting those that have a name.
    objects: ClassVar[NamedSecrets] = NamedSecrets()

    def __init__(self, description: str, read: Callable[[], dict[str, str]], named: SecretName | None = None) -> None:
        self._description = description
        self._read = read
        self.named = named  #: what stands for the values where they are looked up again at each start

    @classmethod
    def from_dict(cls, env_dict: Mapping[str, str | None] | None = None) -> Secret:
        """From values at hand; None leaves a variable out.

        Raises:
            InvalidError: a name is none that a variable can have.
        """
        values = dict(env_dict or {})
        check_variables("Secret.from_dict", values)
        kept = {name: value for name, value in values.items() if value is not None}
        return cls(f"from_dict({{{', '.join(repr(name) + ': ...' for name in kept)}}})", lambda: dict(kept))

    @classmethod
    def from_local_environ(cls, env_keys: Sequence[str]) -> Secret:
        """From variables of the process that starts the app.

        Raises:
            InvalidError: when the app starts, naming the variables that are not set.
        """
        keys = list(env_keys)

        def read() -> dict[str, str]:
            missing = [key for key in keys if key not in os.environ]
            if missing:
                raise InvalidError(f"Secret.from_local_environ: not set in this environment: {', '.join(missing)}")
            return {key: os.environ[key] for key in keys}

        return cls(f"from_local_environ({keys})", read)

    @classmethod
    def from_dotenv(cls, path: str | Path | None = None, *, filename: str = ".env") -> Secret:
        """From a `.env` file: the first `filename` found from `path` upward.

        Args:
            path: a directory, or a file beside the wanted one (`__file__`); default: the current directory.

        Raises:
            NotFoundError: when the app starts and there is no such file.
        """
        start = Path.cwd() if path is None else Path(path)

        def read() -> dict[str, str]:
            first = start.resolve() if start.is_dir() else start.resolve().parent
            for folder in (first, *first.parents):
                if (folder / filename).is_file():
                    return parse_dotenv((folder / filename).read_text())
            raise NotFoundError(f"Secret.from_dotenv: there is no {filename} in {first} or above it")

        return cls(f"from_dotenv({filename!r})", read)

    @classmethod
    def from_name(cls, name: str, *, environment_name: str | None = None, required_keys: Sequence[str] = ()) -> Secret:
        """The secret that `intermodal secret create NAME KEY=VALUE` keeps on this machine. It is read when the app
        starts.

        Args:
            required_keys: names of variables that the program cannot do without.

        Raises:
            NotFoundError: when the app starts: there is no such secret, or it lacks required keys.
        """
        check_name("a secret", name)
        required = list(required_keys)

        def read() -> dict[str, str]:
            return read_named(name, environment_name, required)

        where = SecretName(name=name, environment=environment_name or "", required=tuple(required))
        return cls(f"from_name({name!r})", read, where)

    def values(self) -> dict[str, str]:
        """The variables and their values, read now. For the session that starts containers."""
        values = self._read()
        remember(values)
        return values

    def __repr__(self) -> str:
        return f"Secret.{self._description}"

    def __reduce__(self) -> tuple[Callable[[str], Secret], tuple[str]]:
        return _without_values, (self._description,)


def _without_values(description: str) -> Secret:
    def read() -> NoReturn:
        raise InvalidError(f"Secret.{description} was pickled: its values stay where it was made")

    return Secret(description, read)


def parse_dotenv(text: str) -> dict[str, str]:
    """Variables of a `.env` text: NAME=value lines, `export`, quotes, comments."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        line = line.strip().removeprefix("export ").lstrip()
        name, equals, value = line.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name or name.startswith("#"):
            continue
        quote = value[:1]
        if quote in ("'", '"') and value.find(quote, 1) > 0:
            value = value[1 : value.index(quote, 1)]
            if quote == '"':
                value = value.replace("\\n", "\n").replace("\\t", "\t")
        else:
            value = value.split(" #", 1)[0].rstrip()
        values[name] = value
    return values
