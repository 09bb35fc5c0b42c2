"""A real container registry on this machine, Debian's docker-registry, and images that are pushed to it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import platform
import re
import shutil
import ssl
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from container_engines.packages import find
from private_engines import until

__all__ = ["PASSWORD", "USER", "PushedImage", "RunningRegistry", "registry_for"]

USER, PASSWORD = "captain", "hunter2-hunter2"
#: As `htpasswd -B` writes it; that program is not everywhere.
_HTPASSWD = f"{USER}:$2y$05$abcdefghijklmnopqrstuuM6LdIRFtSO2kPdsnQR8QqPt6tFqthsy\n"
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_LISTENING = re.compile(r"listening on (127\.0\.0\.1:\d+)")
_CERTS = Path("/etc/containers/certs.d")


@dataclass(frozen=True, slots=True)
class PushedImage:
    """What to push: uncompressed tar archives, each a layer, and the image's variables."""

    layers: Sequence[bytes]
    env: Sequence[str] = ("PATH=/usr/local/bin:/usr/bin:/bin",)


@dataclass(frozen=True, slots=True)
class RunningRegistry:
    """A registry that runs. `address` is its host and port, `certificate` what clients trust where it speaks TLS."""

    address: str
    certificate: Path | None
    private: bool

    def push(self, name: str, image: PushedImage) -> str:
        """Store an image as `name` ("ships/tug:1"); how engines call it."""
        repository, _, tag = name.partition(":")
        layers = [gzip.compress(layer, 1) for layer in image.layers]
        config = {
            "architecture": _MACHINES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {"Env": list(image.env), "Cmd": ["/bin/sh"]},
            "history": [{"created_by": "a test"} for _ in layers],
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer) for layer in image.layers]},
        }
        blobs = [(_CONFIG, json.dumps(config).encode()), *((_LAYER, layer) for layer in layers)]
        described = [self._upload(repository, kind, data) for kind, data in blobs]
        manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": described[0], "layers": described[1:]}
        place = f"/v2/{repository}/manifests/{tag}"
        self._ask("PUT", place, json.dumps(manifest).encode(), {"Content-Type": _MANIFEST})
        return f"{self.address}/{name}"

    def _upload(self, repository: str, kind: str, data: bytes) -> Mapping[str, Any]:
        place = self._ask("POST", f"/v2/{repository}/blobs/uploads/", b"", {})["Location"]
        query = urllib.parse.urlencode({"digest": _digest(data)})
        self._ask("PUT", f"{place}&{query}", data, {"Content-Type": "application/octet-stream"})
        return {"mediaType": kind, "digest": _digest(data), "size": len(data)}

    def _ask(self, method: str, place: str, data: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        scheme = "https" if self.certificate else "http"
        url = place if place.startswith("http") else f"{scheme}://{self.address}{place}"
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        more = {"Authorization": f"Basic {login}"} if self.private else {}
        request = urllib.request.Request(url, data, {**headers, **more}, method=method)
        trust = ssl.create_default_context(cafile=str(self.certificate) if self.certificate else None)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
        )
        with opener.open(request, timeout=60) as response:
            return dict(response.headers)


@contextmanager
def registry_for(engine: str, directory: Path, *, private: bool = False) -> Iterator[RunningRegistry]:
    """A registry that the engine called `engine` pulls from as it is: docker wants no TLS of loopback, podman does."""
    if engine == "docker":
        with _serving(directory, None, private=private) as running:
            yield running
        return
    certificate = directory / "certificate.pem"
    _certify(directory / "key.pem", certificate)
    with _serving(directory, certificate, private=private) as running:
        trusted = _CERTS / running.address
        trusted.mkdir(parents=True)
        try:
            shutil.copy(certificate, trusted / "ca.crt")
            yield running
        finally:
            shutil.rmtree(trusted)


@contextmanager
def _serving(directory: Path, certificate: Path | None, *, private: bool) -> Iterator[RunningRegistry]:
    """A registry that keeps its files in `directory`, on a free port of loopback; a private one lets `USER` in."""
    program = find("docker-registry")
    if program is None:
        pytest.skip("there is no docker-registry: `tools/engines up` installs it")
    http: dict[str, Any] = {"addr": "127.0.0.1:0"}
    if certificate:
        http["tls"] = {"certificate": str(certificate), "key": str(certificate.with_name("key.pem"))}
    settings: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "info", "formatter": "json"},
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}},
        "http": http,
    }
    if private:
        (directory / "htpasswd").write_text(_HTPASSWD)
        settings["auth"] = {"htpasswd": {"realm": "ships", "path": str(directory / "htpasswd")}}
    (directory / "config.yml").write_text(json.dumps(settings))  # which is YAML, too
    log = directory / "log"
    with log.open("wb") as output:
        words = [program, "serve", str(directory / "config.yml")]
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        until(lambda: _LISTENING.search(log.read_text()) or process.poll() is not None, "the registry listens")
        listening = _LISTENING.search(log.read_text())
        assert listening, log.read_text()
        yield RunningRegistry(listening[1], certificate, private)
    finally:
        process.kill()
        process.wait()


def _certify(key: Path, certificate: Path) -> None:
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    words += ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*words, "-addext", "subjectAltName=IP:127.0.0.1"], capture_output=True, check=True)


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
