"""What every method of `Image` stands on: a base, steps, mounted files, and how one image is made from another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from intermodal.client.context import in_container
from intermodal.definitions.bases import Base, DebianBase
from intermodal.definitions.composing import Deferred
from intermodal.definitions.steps import CodeStep, Copied, Local
from intermodal.exception import InvalidError
from intermodal.specs import ImageStep

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Env", "ImageCore"]

#: `env=` of steps.
Env = Mapping[str, "str | None"]


class ImageCore:
    """Immutable. `parent` is the image that this one was made from."""

    def __init__(
        self,
        base: Base | None = None,
        steps: tuple[ImageStep | Deferred, ...] = (),
        local: tuple[Local, ...] = (),
        force: bool = False,
        parent: Self | None = None,
    ) -> None:
        self._base: Base = base or DebianBase()
        self._steps = steps
        self._local = local
        self._force = force
        self._parent = parent
        self._missing: ImportError | None = None

    @property
    def definition(self) -> tuple[Base, tuple[ImageStep | Deferred, ...], tuple[Local, ...], bool]:
        """Base, steps, mounted local files, whether all is built anew."""
        return self._base, self._steps, self._local, self._force

    def functions(self) -> list[Callable[..., Any]]:
        """What its build runs."""
        return [step.function for step in self._steps if isinstance(step, CodeStep)]

    @contextmanager
    def imports(self) -> Iterator[None]:
        """Imports that only containers of this image can do: `with image.imports(): import torch`.

        Here an `ImportError` is passed over; in a container of this image it fails the container.
        """
        try:
            yield
        except ImportError as error:
            if in_container():
                self._missing = error

    def missing_import(self) -> ImportError | None:
        """What `imports()` of this image, or of one that it is made from, could not import in this container."""
        image: ImageCore | None = self
        while image is not None:
            if image._missing is not None:
                return image._missing
            image = image._parent
        return None

    def _with(self, step: ImageStep | Deferred) -> Self:
        return type(self)(self._base, (*self._steps, step), self._local, self._force, self)

    def _step(self, step: ImageStep | Deferred) -> Self:
        if self._local:
            raise InvalidError(
                "a build step comes after add_local_* without copy=True, whose files are in containers only, not in "
                "the build: put the add_local_* calls last, or give them copy=True"
            )
        return self._with(step)

    def _files(self, local: Local, copy: bool) -> Self:
        if copy:
            return self._step(Copied(local))
        return type(self)(self._base, self._steps, (*self._local, local), self._force, self)

    def __repr__(self) -> str:
        return f"Image.{self._base.label}() with {len(self._steps)} steps"

    def __reduce__(self) -> tuple[type, tuple[()]]:
        # What pickles an image is code that travels to a container, where definitions of images mean nothing.
        return type(self), ()
