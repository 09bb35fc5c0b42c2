"""Functions that share a volume with sandboxes."""

from __future__ import annotations

from pathlib import Path

import intermodal

app = intermodal.App("sandbox-volumes")
shared = intermodal.Volume.from_name("of-sandboxes", create_if_missing=True)


@app.cls(volumes={"/mine": shared}, max_containers=1)
class Other:
    """A container with the volume elsewhere."""

    @intermodal.method()
    def write(self, name: str, content: str) -> None:
        """Publish a file."""
        Path("/mine", name).write_text(content)
        shared.commit()

    @intermodal.method()
    def read(self, name: str) -> str:
        """What others have published."""
        shared.reload()
        return Path("/mine", name).read_text()


@app.function()
def with_a_sandbox(content: str) -> None:
    """A container that has no volume drives a sandbox that has."""
    sandbox = intermodal.Sandbox.create("sh", "-c", f"echo {content} > /data/nested", volumes={"/data": shared})
    sandbox.wait()
