"""Profiles: servers that a user goes between, each with what opens it, in a file beside the user's configuration.

The file is written by `intermodal profile` alone, and for its owner only, as it has tokens in it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from intermodal.exception import ConfigError
from intermodal.plugins.layers import Layer, user_config_path

__all__ = ["PROFILE", "SETTINGS", "Profiles", "profile_layer", "profiles_path", "read_profiles"]

#: The variable that chooses one.
PROFILE = "INTERMODAL_PROFILE"
#: The settings that a profile may hold.
SETTINGS = ("server_url", "token", "environment", "backend")


@dataclass(frozen=True, slots=True)
class Profiles:
    """What the file says: settings by profile and name, and which profile counts where none is chosen ("": none)."""

    active: str = ""
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def check(self, name: str) -> None:
        """Raises `ConfigError`: there is none of this name."""
        if name not in self.settings:
            known = ", ".join(sorted(self.settings)) or "none"
            raise ConfigError(
                f"there is no profile {name!r:.80} (there are: {known}): `intermodal profile set NAME` makes one"
            )


def profiles_path(environ: Mapping[str, str]) -> Path:
    """Where they are kept: beside the user's configuration file."""
    return user_config_path(environ)[0].absolute().with_name("profiles.toml")


def read_profiles(path: Path) -> Profiles:
    """Those of a file; none where there is no file. Raises `ConfigError`: it cannot be used, or others may read it."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise ConfigError(f"others may read the tokens in {path}: run `chmod 600 {path}`")
            found = tomllib.load(file)
    except FileNotFoundError:
        return Profiles()
    except OSError as error:
        raise ConfigError(f"the profiles in {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} is not valid TOML ({error}): mend it, or remove it and set the profiles anew"
        ) from None
    active, settings = found.get("active", ""), found.get("profiles", {})
    if not isinstance(active, str) or not isinstance(settings, dict) or not all(map(_is_profile, settings.values())):
        raise ConfigError(
            f"{path} is none that `intermodal profile` has written: each profile in it has texts named "
            f"{', '.join(SETTINGS)}, and nothing else"
        )
    return Profiles(active, settings)


def _is_profile(values: object) -> bool:
    return isinstance(values, dict) and all(
        name in SETTINGS and isinstance(value, str) for name, value in values.items()
    )


def profile_layer(environ: Mapping[str, str], *, other_server: bool) -> Layer:
    """The settings of the profile that counts: the chosen one, or the active one.

    A token belongs to its profile's server: it goes to no other, and that server gets no other.

    Args:
        other_server: a stronger source names a server.

    Raises `ConfigError`: the chosen one is not there, or the file cannot be used.
    """
    path = profiles_path(environ)
    profiles = read_profiles(path)
    name = environ.get(PROFILE) or profiles.active
    if not name:
        return Layer(str(path))
    profiles.check(name)
    values = dict(profiles.settings[name])
    if other_server:
        values.pop("token", None)
    elif "server_url" in values:
        values.setdefault("token", "")
    return Layer(f"profile {name!r}", values)
