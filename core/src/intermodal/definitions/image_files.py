"""Methods of `Image` that bring local files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from intermodal.client.checking import checked_class
from intermodal.client.shown import shown
from intermodal.definitions.build_options import absolute
from intermodal.definitions.ignore import Ignore
from intermodal.definitions.image_core import ImageCore
from intermodal.definitions.spellings import older
from intermodal.definitions.steps import LocalDirectory, LocalFile, LocalModule
from intermodal.exception import InvalidError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ImageFiles"]


@checked_class
class ImageFiles(ImageCore):
    """Copied into the image, or shown in its containers."""

    def add_local_file(self, local_path: str | Path, remote_path: str, *, copy: bool = False) -> Self:
        """A local file at `remote_path` (below it, where that ends in `/`).

        Args:
            copy: True copies it into the image, for later steps to use; False shows it in containers as it is when the
                app starts, without a rebuild (image.context).
        """
        return self._files(LocalFile(absolute(local_path), str(remote_path)), copy)

    def add_local_dir(
        self, local_path: str | Path, remote_path: str, *, copy: bool = False, ignore: Ignore = ()
    ) -> Self:
        """A local directory's content at `remote_path`.

        Args:
            copy: as for `add_local_file`.
            ignore: patterns as in `.dockerignore`, or a function of the relative path (image.context).
        """
        return self._files(LocalDirectory(absolute(local_path), str(remote_path), ignore), copy)

    def add_local_python_source(self, *modules: str, copy: bool = False, ignore: Ignore | None = None) -> Self:
        """Modules and packages that are importable here, importable in containers. Packages bring their `.py` files.

        Args:
            copy: as for `add_local_file`.
            ignore: what to leave out of packages, in place of everything that is not `.py`.
        """
        image = self
        for name in modules:
            if not all(part.isidentifier() for part in name.split(".")):
                raise InvalidError(
                    f"add_local_python_source({shown(name)}) takes names of modules, as import statements have"
                )
            image = image._files(LocalModule(name, ignore), copy)
        return image

    def copy_local_dir(self, local_path: str | Path, remote_path: str = ".", ignore: Ignore = ()) -> Self:
        """Older spelling of `add_local_dir(copy=True)`."""
        older("Image.copy_local_dir()", "Image.add_local_dir(..., copy=True)")
        return self.add_local_dir(local_path, remote_path, copy=True, ignore=ignore)

    def copy_local_file(self, local_path: str | Path, remote_path: str = "./") -> Self:
        """Older spelling of `add_local_file(copy=True)`."""
        older("Image.copy_local_file()", "Image.add_local_file(..., copy=True)")
        target = "./" if remote_path == "." else str(remote_path)
        return self.add_local_file(local_path, target, copy=True)
