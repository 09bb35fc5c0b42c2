"""Planting a bug in core, in the guest that is shipped into containers, or in the local backend's supervisor.

Where the code that a bug changes is no longer there, planting fails loudly: a mutant without a bug proves nothing.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import intermodal
import intermodal_local
from intermodal.plugins import Config, ContainerDraft
from intermodal_local import link

__all__ = ["GUEST_PATH", "GuestPatch", "instead_of", "plant_supervisor"]

#: Where core mounts the guest's code.
GUEST_PATH = "/opt/intermodal/guest"


def instead_of(name: str, *owners: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: put the function in the place of `name` in every owner (modules, classes) that uses it.

    It gets the original as its first argument. Raises `AttributeError` where an owner has no such name, `ValueError`
    where they do not share one original.
    """

    def plant(faulty: Callable[..., Any]) -> Callable[..., Any]:
        original = getattr(owners[0], name)
        if any(getattr(owner, name) is not original for owner in owners):
            raise ValueError(f"{name!r} is not one thing in all of {owners}")

        @functools.wraps(original)
        def planted(*args: Any, **kwargs: Any) -> Any:
            return faulty(original, *args, **kwargs)

        for owner in owners:
            setattr(owner, name, planted)
        return planted

    return plant


def replaced(source: str, before: str, after: str, file: str) -> str:
    """`source` with `after` in the place of `before`. Raises `ValueError` where that is not there exactly once."""
    found = source.count(before)
    if found != 1:
        raise ValueError(f"{file} has {found} times, not once: {before!r}")
    return source.replace(before, after)


def plant_supervisor(*patches: tuple[str, str, str]) -> None:
    """Let local launchers start a supervisor of other code.

    Args:
        patches: of each a file below the package, the text that occurs there once, and what replaces it.

    Raises as `replaced`.
    """
    package = Path(intermodal_local.__file__).parent
    folder = Path(tempfile.mkdtemp(prefix="mutants-supervisor-"))
    atexit.register(shutil.rmtree, folder)
    folder.chmod(0o755)
    copy = folder / package.name
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for file, before, after in patches:
        (copy / file).write_text(replaced((copy / file).read_text(), before, after, file))
    link._MAIN = str(copy / Path(link._MAIN).relative_to(package))


@dataclass
class GuestPatch:
    """One place of the guest's code, and what stands there instead.

    Args:
        file: below the package, such as "guest/serving.py".
        before: text that occurs there exactly once.
        after: what replaces it.
    """

    file: str
    before: str
    after: str
    _made: dict[Path, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.applied((Path(intermodal.__file__).parent / self.file).read_text())

    def applied(self, source: str) -> str:
        """`source` with the bug in it. Raises as `replaced`."""
        return replaced(source, self.before, self.after, self.file)

    def mount(self, config: Config, draft: ContainerDraft) -> None:
        """Mount the patched guest in place of the real one; for `intermodal_modify_container_spec`."""
        draft.mounts = [
            replace(mount, source=str(self._copy(config, Path(mount.source)))) if mount.target == GUEST_PATH else mount
            for mount in draft.mounts
        ]

    def _copy(self, config: Config, bundle: Path) -> Path:
        if bundle not in self._made:
            homes = config.data_dir / "mutants"
            homes.mkdir(parents=True, exist_ok=True)
            home = Path(tempfile.mkdtemp(dir=homes)) / "guest"
            home.parent.chmod(0o755)
            shutil.copytree(bundle, home)
            file = home / "intermodal" / self.file
            for old in (file, *file.parent.glob(f"__pycache__/{file.stem}.*")):
                old.unlink()
            file.write_text(self.applied((bundle / "intermodal" / self.file).read_text()))
            self._made[bundle] = home
        return self._made[bundle]
