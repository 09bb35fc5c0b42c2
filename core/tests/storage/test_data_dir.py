"""A data directory that cannot be used says so, and what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from intermodal.exception import ConfigError, ResourceExhaustedError
from intermodal.storage import SecretStore
from intermodal.storage.data_dir import using

DATA = Path("/some/data/dir")


def fail(number: int, path: str) -> None:
    """As the operating system does."""
    raise OSError(number, os.strerror(number), path)


@pytest.mark.parametrize("path", ["/some/data/dir/blobs", "/some/data/dir", "/some"])
def test_what_cannot_be_made_in_it_or_for_it_names_the_setting(path: str) -> None:
    """A home that is read-only refuses the first directory on the way there."""
    said = rf"/some/data/dir cannot be used: Read-only.*{path}.*INTERMODAL_DATA_DIR"
    with pytest.raises(ConfigError, match=said), using(DATA):
        fail(errno.EROFS, path)


def test_a_full_disk_is_one_wherever_it_shows() -> None:
    """Errors of writing name no file."""
    with pytest.raises(ResourceExhaustedError, match="INTERMODAL_DATA_DIR"), using(DATA):
        fail(errno.ENOSPC, "")


def test_other_errors_pass() -> None:
    """They are not about the data directory."""
    with pytest.raises(PermissionError), using(DATA):
        fail(errno.EACCES, "/some/data/else")


def test_a_secret_that_cannot_be_kept_says_so(tmp_path: Path) -> None:
    """What is in the way is a file here."""
    (tmp_path / "data").write_text("")
    store = SecretStore(tmp_path / "data" / "secrets", tmp_path / "key")
    with pytest.raises(ConfigError, match="cannot be used"):
        store.create("name", "main", {"A": "b"})
