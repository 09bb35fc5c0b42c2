"""Images in full, from the user's side."""

from __future__ import annotations

import os
from pathlib import Path

import intermodal

HERE = Path(__file__).parent
SECRET = intermodal.Secret.from_local_environ(["BUILD_TOKEN"]) if "BUILD_TOKEN" in os.environ else None

app = intermodal.App("images")
image = (
    intermodal.Image.debian_slim()
    .run_commands("printf %s \"$BUILD_TOKEN\" | sha256sum | cut -c1-8 > /root/digest", "echo token=$BUILD_TOKEN",
                  secrets=[SECRET] if SECRET else [])
    .shell(["/bin/bash", "-c"])
    .run_commands("[[ -n $BASH_VERSION ]] && echo bash > /root/shell")
    .dockerfile_commands("ENV MADE_BY=dockerfile", "COPY data.txt /data/", context_dir=HERE)
    .cmd(["sleep", "1"])
    .entrypoint([])
)  # fmt: skip
failing = intermodal.Image.debian_slim().run_commands(
    "echo the token is $BUILD_TOKEN; exit 3", secrets=[SECRET] if SECRET else []
)


@app.function(image=image)
def look() -> list[str | None]:
    """What the build left."""
    texts = [Path(path).read_text().strip() for path in ("/root/digest", "/root/shell", "/data/data.txt")]
    return [*texts, os.environ.get("MADE_BY"), os.environ.get("BUILD_TOKEN")]


@app.local_entrypoint()
def main() -> None:
    """Build, look, and fail."""
    assert image.build() is image
    print(image.object_id)
    print(look.remote())
    try:
        failing.build(app)
    except intermodal.exception.ImageBuildError as error:
        print(error)
