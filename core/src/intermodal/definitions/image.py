"""`Image`: what a container's files are made of. Immutable: every method returns a new one (image.immutable)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from intermodal.client.checking import checked_class
from intermodal.client.dual import dual
from intermodal.client.shown import shown
from intermodal.definitions.bases import SnapshotBase
from intermodal.definitions.image_bases import ImageBases
from intermodal.definitions.image_commands import ImageCommands
from intermodal.definitions.image_files import ImageFiles
from intermodal.definitions.image_packages import ImagePackages
from intermodal.definitions.image_projects import ImageProjects
from intermodal.definitions.image_settings import ImageSettings
from intermodal.exception import InvalidError

if TYPE_CHECKING:
    from intermodal.definitions.app import App

__all__ = ["Image"]

P = ParamSpec("P")
T = TypeVar("T")


@checked_class
class Image(ImageBases, ImagePackages, ImageProjects, ImageCommands, ImageSettings, ImageFiles):
    """A base and steps. Nothing happens before an app that uses it starts; each step is then built once and cached.

    Begin with `Image.debian_slim()`, `from_registry`, `from_dockerfile`, `micromamba` or `from_scratch`. Options that
    many methods have: `env`, variables for that step only; `secrets`, whose values are in that step's environment and
    nowhere else; `force_build`, build this step and all later ones anew; `gpu`, devices for that step, as functions ask
    for them; `cpu` and `memory`, how many cores and MiB that step may use at most (image.resources).
    """

    _object_id: str | None = None

    @classmethod
    def from_id(cls, image_id: str) -> Image:
        """What `Sandbox.snapshot_filesystem()` gave, by its `object_id`, in any process with the same backend and data
        directory. It takes `env()` and `workdir()` and no other steps.

        Who starts something from it gets `NotFoundError` where there is none. Raises `InvalidError` for what is no id.
        """
        if not image_id.startswith("im-"):
            raise InvalidError(
                f"Image.from_id({shown(image_id)}): an id begins with 'im-', as an image's object_id does"
            )
        image = cls(SnapshotBase(image_id.removeprefix("im-")))
        image._object_id = image_id
        return image

    @dual
    async def build(self, app: App | None = None) -> Image:
        """Build it now: in the run of `app`, in the one that goes on, or else for itself. It returns this image, whose
        `object_id` says what was built. Where it is built already, nothing happens.

        Raises:
            ImageBuildError: a step failed.
            CapabilityNotSupported: the backend cannot build it.
            InvalidError: `app` does not run.
        """
        from intermodal.definitions.eager import start_build

        self._object_id = f"im-{await start_build(self, app)}"
        return self

    @property
    def object_id(self) -> str | None:
        """The id of what `build()` built, or of a sandbox's snapshot."""
        return self._object_id

    def pipe(self, func: Callable[Concatenate[Image, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`func(self, *args, **kwargs)`: chains of methods under a name of their own."""
        return func(self, *args, **kwargs)
