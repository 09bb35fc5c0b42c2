"""Files of a sandbox, as the program in it opens them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from intermodal.guest.attendant_files import Files


@pytest.mark.parametrize("mode", ["r", "w", "a", "r+"])
def test_a_pipe_that_nobody_serves_keeps_nobody_waiting(mode: str, tmp_path: Path) -> None:
    """All files of a sandbox are served in turn: one that never opens would be the last (sandbox.files)."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match=r"Is a pipe|No such device"):
        Files().open(str(pipe), mode)


def test_other_files_are_read_and_written_as_ever(tmp_path: Path) -> None:
    """Devices among them."""
    files, place = Files(), str(tmp_path / "file")
    written = files.open(place, "w")
    files.write(b"content", written)
    files.close(written)
    for path, content in ((place, b"content"), ("/dev/zero", bytes(7))):
        opened = files.open(path, "r")
        assert files.read(opened, 7) == content
        files.close(opened)
