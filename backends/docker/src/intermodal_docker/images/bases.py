"""The images that image definitions begin with: had, or pulled."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping

from intermodal.exception import BackendError
from intermodal.specs import Registry
from intermodal_docker.engine import Engine, EngineUnavailable, ImageDetails
from intermodal_docker.images.options import ImageOptions

__all__ = ["login", "obtain_base"]


def obtain_base(
    engine: Engine,
    reference: str,
    options: ImageOptions,
    auth: tuple[str, str] | None,
    output: Callable[[str], None],
) -> ImageDetails:
    """The image called `reference`; pulled where the engine has none. Raises `BackendError`, with what to do."""
    found = engine.image(reference)
    if found is not None:
        return found
    try:
        engine.pull(reference, output, auth=auth)
        found = engine.image(reference)
    except EngineUnavailable:
        raise
    except BackendError as error:
        raise BackendError(f"{error}. {_advice(reference, options)}") from None
    if found is None:
        raise BackendError(f"{options.backend} pulled {reference}, and then does not know it")
    return found


def _advice(reference: str, options: ImageOptions) -> str:
    backend, mirror = options.backend, options.registry_mirror
    where = f"it is {mirror}" if mirror else "there is none"
    return (
        f"{reference} is not among the images that {backend} has, and could not be pulled. Log in ({backend} login, or "
        f"secret=), or name what can be reached: {backend}.registry_mirror is where images of Docker Hub come from ("
        f"{where}), {backend}.debian_image what Image.debian_slim() begins with ({options.debian_image})"
    )


def login(base: Registry, secret: Mapping[str, str]) -> tuple[str, str] | None:
    """User and password for the registry of `base`; None: what the engine's own log-in knows. Raises `BackendError`."""
    if base.secret is None:
        return None
    try:
        if base.login == "gcp":
            return "_json_key", secret["SERVICE_ACCOUNT_JSON"]
        if base.login == "aws":
            return "AWS", _ask_aws(secret)
        return secret["REGISTRY_USERNAME"], secret["REGISTRY_PASSWORD"]
    except KeyError as error:
        raise BackendError(f"the secret for {base.tag} has no {error.args[0]}") from None


def _ask_aws(secret: Mapping[str, str]) -> str:
    program = shutil.which("aws")
    if program is None:
        raise BackendError("the command `aws` asks Amazon for the registry's password, and is not here: install awscli")
    words = [program, "ecr", "get-login-password", "--region", secret["AWS_REGION"]]
    done = subprocess.run(words, env={**os.environ, **secret}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackendError(f"aws ecr get-login-password: {done.stderr.strip()}")
    return done.stdout.strip()
