"""Functions that have to do with sandboxes."""

from __future__ import annotations

import intermodal
from intermodal_conformance.apps.common import app

__all__ = ["ask", "make"]


@app.function()
def ask(sandbox: intermodal.Sandbox, word: str) -> str:
    """What a process in a sandbox, given as an argument, says."""
    process = sandbox.exec("echo", word)
    process.wait()
    return str(process.stdout.read())


@app.function()
def make(name: str) -> str:
    """The id of a sandbox that this makes, with a name."""
    return intermodal.Sandbox.create(name=name).object_id
