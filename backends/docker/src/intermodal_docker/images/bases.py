"""The images that image definitions begin with: had, or pulled."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping

from intermodal.exception import BackendError
from intermodal.specs import DebianSlim, Registry
from intermodal_docker.engine import Engine, EngineUnavailable, ImageDetails
from intermodal_docker.images.options import ImageOptions
from intermodal_docker.images.pull_advice import pull_advice

__all__ = ["obtain_base"]


def obtain_base(
    engine: Engine,
    base: DebianSlim | Registry,
    options: ImageOptions,
    secret: Mapping[str, str],
    output: Callable[[str], None],
) -> ImageDetails:
    """The image that `base` means, pulled where the engine has none. Raises `BackendError`, with what to do.

    Args:
        secret: the values of the base's secret.
    """
    name = options.reference(base)
    found = engine.image(name)
    if found is not None:
        return found
    auth = _login(base, secret) if isinstance(base, Registry) else None
    try:
        engine.pull(name, output, auth=auth)
        found = engine.image(name)
    except EngineUnavailable:
        raise
    except BackendError as error:
        advice = pull_advice(str(error), name, options, logged_in=auth is not None)
        setting = f"{options.backend}.debian_image"
        more = f". {setting} says what Image.debian_slim() begins with" if isinstance(base, DebianSlim) else ""
        raise BackendError(f"{error}. {advice}{more}") from None
    if found is None:
        raise BackendError(f"{options.backend} pulled {name}, and then does not know it")
    return found


def _login(base: Registry, secret: Mapping[str, str]) -> tuple[str, str] | None:
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
