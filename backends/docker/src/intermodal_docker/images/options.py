"""The settings of a backend that images and containers share: base images, a mirror, certificates, variables."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from intermodal.exception import ConfigError
from intermodal.plugins import Config, ContainerDraft, Options
from intermodal.plugins.building import KIT, KIT_SETTINGS, BuildSettings, read_settings
from intermodal.specs import DebianSlim, HostMount, Registry
from intermodal_docker.engines.records import on_docker_hub, registry_of

__all__ = ["CA_VARIABLES", "ImageOptions", "add_image_options"]

#: What programs call the file with the certificates that they trust.
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO")
#: Where containers see it.
_CONTAINER_CA = f"{KIT}/ca.pem"
_CA_DIRECTORIES = ("SSL_CERT_DIR", "GIT_SSL_CAPATH")


def add_image_options(options: Options, backend: str) -> None:
    """Register them for `backend`, "docker" or "podman"."""
    options.add(
        f"{backend}.debian_image",
        default="python:{python}-slim-bookworm",
        help="Which image Image.debian_slim() begins with; {python} is the version, such as 3.11.",
    )
    options.add(
        f"{backend}.registry_mirror",
        help="Where images of Docker Hub are pulled from instead, such as mirror.example:5000 or harbor.example/hub.",
    )
    options.add(
        f"{backend}.ca_bundle",
        type="path",
        help="A file with the certificate authorities that image builds and containers trust.",
    )
    options.add(
        f"{backend}.env",
        type="list",
        default=(),
        help="Variables of image builds and containers, such as PIP_INDEX_URL=https://index.example/simple or "
        "HTTPS_PROXY=http://proxy.example:3128. What an image or a function sets itself is stronger.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOptions:
    """Their values. `backend` is who has them, for messages."""

    backend: str
    debian_image: str
    registry_mirror: str = ""
    ca_bundle: Path | None = None
    env: Mapping[str, str]

    @classmethod
    def of(cls, config: Config, backend: str) -> ImageOptions:
        """Read them. Raises `ConfigError`: one of them cannot be used."""
        ca_bundle = config.get(f"{backend}.ca_bundle")
        if ca_bundle is not None and not ca_bundle.is_file():
            origin = config.origin(f"{backend}.ca_bundle")
            raise ConfigError(f"{backend}.ca_bundle from {origin}: there is no file {ca_bundle}")
        return cls(
            backend=backend,
            debian_image=config.get(f"{backend}.debian_image"),
            registry_mirror=(config.get(f"{backend}.registry_mirror") or "").strip("/"),
            ca_bundle=ca_bundle,
            env=dict(_variable(text, backend) for text in config.get(f"{backend}.env")),
        )

    def reference(self, base: DebianSlim | Registry) -> str:
        """The image that `base` means to the engine."""
        if isinstance(base, DebianSlim):
            return self._mirrored(self.debian_image.replace("{python}", base.python))
        return self._mirrored(base.tag)

    def surround(self, draft: ContainerDraft) -> None:
        """Show a container the certificates, and set the variables that it does not set itself."""
        env = {**self._certificates(_CONTAINER_CA), **self.env}
        if self.ca_bundle is not None:
            draft.mounts.append(HostMount(source=str(self.ca_bundle), target=_CONTAINER_CA))
        draft.env.update({name: value for name, value in env.items() if name not in draft.env})

    def build_settings(self) -> BuildSettings:
        """What builds get: the user's own settings of pip and uv, and over them these."""
        settings = read_settings(KIT_SETTINGS, visible=())
        if self.ca_bundle is not None:
            target = f"{KIT_SETTINGS}/ca.pem"
            settings.files[target] = self.ca_bundle
            settings.env.update(self._certificates(target))
        if "SSL_CERT_FILE" in settings.env:
            for name in _CA_DIRECTORIES:  # one file is enough, and it is smaller
                settings.files.pop(settings.env.pop(name, ""), None)
        settings.env.update(self.env)
        return settings

    def _certificates(self, place: str) -> dict[str, str]:
        return {} if self.ca_bundle is None else dict.fromkeys(CA_VARIABLES, place)

    def _mirrored(self, name: str) -> str:
        if not self.registry_mirror:
            return name
        registry = registry_of(name)
        if registry in ("docker.io", "index.docker.io"):
            return self._mirrored(name.partition("/")[2])
        return name if registry else f"{self.registry_mirror}/{on_docker_hub(name).partition('/')[2]}"


def _variable(text: str, backend: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not set(name) <= set(string.ascii_letters + string.digits + "_"):
        raise ConfigError(f"{backend}.env: {text!r} is not NAME=VALUE")
    return name, value
