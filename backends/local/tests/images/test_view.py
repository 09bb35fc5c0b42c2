"""Layers read without mounting them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from intermodal_local.images.view import Place, StackView


def stack(tmp_path: Path, *layers: list[str]) -> StackView:
    """Layers, top-most first, each a list of `dir/`, `file`, `link -> target`, `opaque!/`."""
    made = []
    for number, entries in enumerate(layers):
        root = tmp_path / str(number)
        root.mkdir()
        made.append(str(root))
        for entry in entries:
            name, arrow, target = entry.partition(" -> ")
            path = root / name.rstrip("/").rstrip("!")
            path.parent.mkdir(parents=True, exist_ok=True)
            if arrow:
                path.symlink_to(target)
            elif name.endswith("/"):
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.touch()
            if name.endswith("!/"):
                os.setxattr(path, "user.overlay.opaque", b"y")
    return StackView({"root": made})


def test_the_top_most_layer_wins(tmp_path: Path) -> None:
    """A file hides what lies below it, directories merge."""
    view = stack(tmp_path, ["a/one"], ["a/one", "a/two"])
    assert view.find(Place("root", ("a", "one"))) == str(tmp_path / "0/a/one")
    assert view.find(Place("root", ("a", "two"))) == str(tmp_path / "1/a/two")
    assert view.find(Place("root", ("a", "three"))) is None


def test_an_opaque_directory_hides_what_is_below(tmp_path: Path) -> None:
    """As a step that removed and made it again leaves it."""
    view = stack(tmp_path, ["a!/"], ["a/old"])
    assert view.find(Place("root", ("a", "old"))) is None


def test_links_are_followed_inside_the_image(tmp_path: Path) -> None:
    """Absolute ones from its root, and none leads out of it."""
    view = stack(tmp_path, ["link -> /../../a", "up -> ../../../b"], ["a/b/"])
    assert view.resolve("/link/b/new") == Place("root", ("a", "b", "new"))
    assert view.resolve("/up/x") == Place("root", ("b", "x"))


def test_a_circle_of_links_is_an_error(tmp_path: Path) -> None:
    """It ends."""
    with pytest.raises(OSError, match="too many links"):
        stack(tmp_path, ["a -> b", "b -> a"]).resolve("/a/x")


def test_a_file_on_the_way_is_an_error(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(NotADirectoryError, match="/a is a file"):
        stack(tmp_path, ["a"]).resolve("/a/x")
