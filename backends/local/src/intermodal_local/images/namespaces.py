"""Layers as overlay upper directories, made by running steps in containers over the host's userland."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from intermodal.exception import CapabilityNotSupported
from intermodal.plugins.building import (
    KIT,
    KIT_SETTINGS,
    StepRun,
    Surroundings,
    plan_commands,
    plan_function,
    plan_packages,
    read_settings,
)
from intermodal.specs import (
    AddArchive,
    CopyFiles,
    CopyFrom,
    ImageStep,
    PythonPackages,
    RunCommands,
    RunFunction,
    SetEntrypoint,
    SetUser,
    SystemPackages,
)
from intermodal_local.images import apt
from intermodal_local.images.beside import beside, holding_caches
from intermodal_local.images.copying import LayerWriter, write_tree
from intermodal_local.images.foreign import NO_ENTRYPOINT
from intermodal_local.images.ground import StepContext
from intermodal_local.images.keys import BaseIdentity
from intermodal_local.images.run import run_step
from intermodal_local.images.view import StackView
from intermodal_local.rootfs import Python, Rootfs
from intermodal_local.runtime import advice, overlay, userns

__all__ = ["NamespaceGround"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceGround:
    """A base over the host's userland.

    Args:
        base: the lower directories of the bare base, as the runtime's overlays take them.
        interpreter: the image's.
        uv: the installer.
        caches: the directory of caches, which outlive builds.
    """

    identity: BaseIdentity
    interpreter: Python
    base: dict[str, list[str]]
    uv: Path
    caches: Path
    foundation: str | None = None

    @property
    def python(self) -> str:
        """The interpreter's version."""
        return self.interpreter.version

    def refuse(self, step: ImageStep) -> None:
        """Packages of the system need apt, and more than one user id. Containers are forks, which no program wraps."""
        if isinstance(step, SetEntrypoint) and step.argv:
            raise CapabilityNotSupported("image.entrypoint", "local", NO_ENTRYPOINT)
        if isinstance(step, SetUser) and step.user and not advice.privileged() and not userns.available():
            raise CapabilityNotSupported("image.user", "local", userns.missing() or "")
        hint = apt.missing() if isinstance(step, SystemPackages) else None
        if hint is not None:
            raise CapabilityNotSupported("image.apt_install", "local", hint)

    def found(self, context: StepContext) -> None:
        """There is none to make."""

    def make(self, step: ImageStep, context: StepContext) -> None:
        """Run the step, or write what it copies."""
        around = Surroundings(
            python=self.interpreter.executable,
            uv=self.uv,
            settings=read_settings(KIT_SETTINGS),
            env=context.env,
            workdir=context.workdir,
            secrets=context.grants.of(getattr(step, "secrets", ())),
            user=context.user,
            gpus=context.gpus,
        )
        match step:
            case PythonPackages():
                self._run(plan_packages(step, around), context)
            case SystemPackages():
                self._run(apt.plan(step, around, adopt=not advice.privileged()), context, whole_system=True)
            case RunCommands():
                self._run(plan_commands(step, around), context, whole_system=True)
            case RunFunction():
                source = context.making.work / "source"
                write_tree(step.source.tree, source, context.blobs)
                self._run(plan_function(step, around, source, context.blobs), context, whole_system=True)
            case CopyFiles() if step.owner and not step.tree.entries and not advice.privileged():
                # Only a container of many users can give it to another one than this user.
                command = RunCommands(commands=(_directory_of(step),))
                self._run(plan_commands(command, replace(around, workdir="/", user="")), context, whole_system=True)
            case CopyFiles():
                self._writer(context).files(step, context.blobs)
            case AddArchive():
                self._writer(context).archive(step, context.blobs)
            case CopyFrom():
                self._writer(context).image(step, StackView(self._sources(context)[0]))
            case _:
                raise AssertionError(f"{type(step).__name__} makes no layer")

    def ref(self, layers: Sequence[Path]) -> str:
        """A `Rootfs` of the layers."""
        return Rootfs(python=self.interpreter, layers=tuple(str(path) for path in layers)).to_json()

    def _run(self, step: StepRun, context: StepContext, *, whole_system: bool = False) -> None:
        """Run `step`. `whole_system`: as far as this user can, let it write all over /usr and change owners."""
        making = context.making
        many_users = whole_system and not advice.privileged() and userns.available()
        with holding_caches(step, self.caches, context.output, context.lifeline.check):
            run_step(
                step,
                self._lowers(context),
                making.work,
                making.content,
                making.lock,
                context.output,
                context.lifeline,
                gpus=context.gpus,
                many_users=many_users,
                beside=beside(step, making.work, self.caches, self._sources(context), context.blobs),
            )
        _tidy(making.content, [mount.target for mount in step.extras], StackView(self._lowers(context)))

    def _writer(self, context: StepContext) -> LayerWriter:
        return LayerWriter(context.making.content, StackView(self._lowers(context)))

    def _sources(self, context: StepContext) -> list[dict[str, list[str]]]:
        """The lower directories of the images that the step takes something from."""
        found = []
        for ground, layers in context.sources:
            assert isinstance(ground, NamespaceGround)
            found.append(overlay.lowers_of([str(path) for path in layers], ground.base))
        return found

    def _lowers(self, context: StepContext) -> dict[str, list[str]]:
        return overlay.lowers_of([str(path) for path in context.below], self.base)


def _directory_of(step: CopyFiles) -> str:
    """A command that makes the directory and those above it, as far as they are not there, and gives them away."""
    user, _, group = step.owner.partition(":")
    owner = f"{user}:{group or (user if user.isdecimal() else '')}"  # a name without a group: its own
    make = (
        f'make() {{ [ -d "$1" ] || {{ make "$(dirname "$1")" && mkdir "$1" && chown {shlex.quote(owner)} "$1"; }}; }}'
    )
    return f"{make}; make {shlex.quote(step.target)}"


def _tidy(layer: Path, targets: Sequence[str], below: StackView) -> None:
    """Remove what was made only to show something, and parts that the step did not touch."""
    root = layer / "root"
    shown = root / KIT.lstrip("/")
    for target in sorted(targets, reverse=True):
        with contextlib.suppress(OSError):
            place = below.over(layer).resolve(target)
            path = layer / place.part / Path(*place.inside)
            if path.is_dir():
                path.rmdir()
            elif path.stat().st_size == 0:
                path.unlink()
    for path in (shown, *shown.parents[: len(shown.relative_to(root).parts)], layer / "usr", layer / "usr-local"):
        with contextlib.suppress(OSError):
            path.rmdir()
