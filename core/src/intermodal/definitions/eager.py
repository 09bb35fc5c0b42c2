"""`Image.build`: an image built now rather than when a container needs it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from intermodal.client.completion import Completion
from intermodal.client.context import in_container
from intermodal.client.work import Work
from intermodal.definitions.lowering import LoweredImage, lower_image
from intermodal.definitions.output import shown
from intermodal.definitions.running import running
from intermodal.definitions.threads import in_thread
from intermodal.exception import InvalidError
from intermodal.specs import AppSpec

if TYPE_CHECKING:
    from intermodal.definitions.app import App
    from intermodal.definitions.image import Image
    from intermodal.definitions.running import Run

__all__ = ["start_build"]


def start_build(image: Image, app: App | None) -> Completion[str]:
    """Build in the run of `app`, else in the one that goes on here, else in one of its own. The id of what was built.

    Raises:
        InvalidError: inside a container, or `app` does not run and was not looked up.
    """
    if in_container():
        raise InvalidError("Image.build() inside a container: images are built on the caller's side")
    run = running()
    if app is not None:
        run = app.current_run
        if run is None and not app.looked_up:
            raise InvalidError(f"{app!r} does not run: call Image.build(app) in `with app.run():`, or without an app")
    lowered = lower_image(image)
    # It ends with this process: what it builds hangs on that too.
    return in_thread(lambda: _build(lowered, run), "intermodal-build")


def _build(lowered: LoweredImage, run: Run | None) -> str:
    if run is not None:
        return run.build(lowered)
    # Named late and by text, as in `running`.
    remote = importlib.import_module("intermodal.remote")
    output, progress = shown()
    work = Work(AppSpec(name="build"), show_output=output, show_progress=progress)
    with remote.session(work) as session:
        built: str = session.build(lowered.spec, lowered.blobs, lowered.secrets).id
    return built
