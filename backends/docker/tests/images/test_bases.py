"""What images begin with, and what happens where that cannot be had."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from intermodal.exception import ConfigError, ImageBuildError
from intermodal.plugins import Config, Options
from intermodal.specs import CopyFiles, DebianSlim, PythonPackages, Registry, RunCommands, Scratch
from intermodal_docker.engines.records import on_docker_hub, registry_of
from intermodal_docker.images.options import ImageOptions, add_image_options


def options(**values: str) -> ImageOptions:
    """Settings of docker's."""
    config = Config.load(command_line={f"docker.{name}": value for name, value in values.items()}, environ={})
    add_image_options(config.options, "docker")
    return ImageOptions.of(config, "docker")


@pytest.mark.parametrize(
    ("base", "mirror", "reference"),
    [
        (DebianSlim(python="3.12"), "", "python:3.12-slim-bookworm"),
        (DebianSlim(python="3.12"), "mirror.example:5000", "mirror.example:5000/library/python:3.12-slim-bookworm"),
        (Registry(tag="owner/name:1"), "harbor.example/hub/", "harbor.example/hub/owner/name:1"),
        (Registry(tag="docker.io/library/debian"), "mirror.example", "mirror.example/library/debian"),
        (Registry(tag="ghcr.io/owner/name"), "mirror.example", "ghcr.io/owner/name"),
        (Registry(tag="localhost/name"), "mirror.example", "localhost/name"),
    ],
)
def test_images_of_docker_hub_may_come_from_a_mirror(base: Any, mirror: str, reference: str) -> None:
    """Those of other registries keep their names."""
    assert options(registry_mirror=mirror).reference(base) == reference


@pytest.mark.parametrize(
    ("name", "registry", "whole"),
    [
        ("tug", "", "docker.io/library/tug"),
        ("tug:1", "", "docker.io/library/tug:1"),
        ("ships/tug:1", "", "docker.io/ships/tug:1"),
        ("localhost/tug", "localhost", None),
        ("ships:5000/tug", "ships:5000", None),
    ],
)
def test_a_name_without_a_registry_is_one_of_docker_hub(name: str, registry: str, whole: str | None) -> None:
    """On both engines: podman by itself would know no registry for it."""
    assert registry_of(name) == registry
    if whole:
        assert on_docker_hub(name) == whole


def test_debian_slim_is_a_setting() -> None:
    """With the version in it, or without."""
    assert options(debian_image="own.example/py:{python}").reference(DebianSlim(python="3.11")) == "own.example/py:3.11"


def test_settings_that_cannot_be_used_are_refused() -> None:
    """By their names."""
    with pytest.raises(ConfigError, match=r"docker\.env: 'PIP INDEX' is not NAME=VALUE"):
        options(env="PIP INDEX")
    with pytest.raises(ConfigError, match=r"docker\.ca_bundle .*there is no file /nowhere\.pem"):
        options(ca_bundle="/nowhere.pem")
    Options()


def test_variables_and_certificates_reach_builds_and_do_not_stay(workshop: Any, tmp_path: Any) -> None:
    """The step sees them; the image has neither."""
    bundle = tmp_path / "own.pem"
    bundle.write_text("certificate\n")
    settings = {
        f"{workshop.backend}.env": "PIP_INDEX_URL=http://index.invalid/simple",
        f"{workshop.backend}.ca_bundle": str(bundle),
    }
    own = type(workshop)(workshop.backend, tmp_path, settings)
    try:
        built = own.build(RunCommands(commands=("echo $PIP_INDEX_URL; cat $SSL_CERT_FILE $REQUESTS_CA_BUNDLE",)))
        assert own.said.lines[-3:] == ["http://index.invalid/simple", "certificate", "certificate"]
        assert own.look(built, "echo $PIP_INDEX_URL$SSL_CERT_FILE; ls -A /opt") == [""]
    finally:
        own.close()


def test_a_base_that_cannot_be_had_names_the_setting_that_says_which_it_is(workshop: Any, tmp_path: Any) -> None:
    """Nothing listens there."""
    settings = {f"{workshop.backend}.debian_image": "127.0.0.1:1/nowhere/image:{python}"}
    own = type(workshop)(workshop.backend, tmp_path, settings)
    with pytest.raises(ImageBuildError, match=r"(?s)step 1 .*127\.0\.0\.1:1 could not be reached: check") as info:
        own.build(base=DebianSlim(python="3.11"))
    assert f"{workshop.backend}.debian_image" in str(info.value)
    own.asked.clear()
    own.close()


def test_a_base_of_another_python_is_refused_for_debian_slim(workshop: Any, tmp_path: Any) -> None:
    """Both versions are named."""
    has = workshop.build().python
    name = f"python:{'.'.join(has.split('.')[:2])}-slim-bookworm"
    own = type(workshop)(workshop.backend, tmp_path, {f"{workshop.backend}.debian_image": name})
    try:
        with pytest.raises(ImageBuildError, match=rf"(?s)Python 3\.13.*Python {has}.*debian_image"):
            own.build(base=DebianSlim(python="3.13"))
    finally:
        own.asked.clear()
        own.close()


def test_from_registry_knows_what_python_it_has(workshop: Any) -> None:
    """An image that the engine has is not pulled."""
    plain = workshop.build()
    name = f"python:{'.'.join(plain.python.split('.')[:2])}-slim-bookworm"
    built = workshop.build(base=Registry(tag=name))
    assert built.python == plain.python


def test_a_base_that_has_changed_is_taken_anew(workshop: Any) -> None:
    """Its name means another image now; where the name is gone, what was made from it still counts."""
    plain = workshop.build()
    name, base = f"intermodal-test/{workshop.mark}:1", Registry(tag=f"localhost/intermodal-test/{workshop.mark}:1")
    step = RunCommands(commands=("cat /root/which",))
    for which in ("one", "two"):
        changed = workshop.build(RunCommands(commands=(f"echo {which} > /root/which",)))
        workshop.engine.tag(changed.ref, f"localhost/{name}")
        workshop.build(step, base=base)
        assert workshop.said.cached == [False, False]
        assert which in workshop.said.lines
    workshop.engine.remove_image(f"localhost/{name}")
    workshop.build(step, base=base)
    assert workshop.said.cached == [True, True]
    assert plain.python


def test_an_empty_image_takes_files_and_nothing_else(workshop: Any) -> None:
    """There is no shell that a step could be run by, and the error says so."""
    files = CopyFiles(tree=workshop.blobs.tree({"a": b"1" * 4096, "b/c": b"2"}), target="/srv")
    built = workshop.build(files, base=Scratch())
    assert built.python == ""
    assert 4096 <= workshop.engine.image(built.ref).size < 1 << 20
    with pytest.raises(ImageBuildError, match=r"step 3 of 3 .*no /bin/sh"):
        workshop.build(files, RunCommands(commands=("true",)), base=Scratch())


class Index(http.server.BaseHTTPRequestHandler):
    """Says no, and remembers who asked."""

    asked: list[str | None]

    def do_GET(self) -> None:
        """Every page."""
        self.asked.append(self.headers["Authorization"])
        self.send_error(401)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def index() -> Iterator[tuple[str, list[str | None]]]:
    """An index that wants a password: its host and port, and what it was told."""
    handler = type("Own", (Index,), {"asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}", handler.asked
    server.shutdown()
    server.server_close()


def test_secrets_reach_a_private_index_and_stay_nowhere(workshop: Any, index: tuple[str, list[str | None]]) -> None:
    """The index hears the password; neither the error nor a layer has it."""
    place, asked = index
    step = PythonPackages(packages=("private",), index_url=f"http://me:$TOKEN@{place}/simple", secrets=("key",))
    with pytest.raises(ImageBuildError, match="step 2 of 2") as info:
        workshop.build(step, secrets={"key": {"TOKEN": "hunter2-hunter2"}})
    assert "hunter2-hunter2" not in str(info.value)
    assert any(asked)


def test_secrets_of_commands_are_in_no_layer(workshop: Any) -> None:
    """Neither in the configuration nor in the history nor in the files."""
    step = RunCommands(commands=('printf %s "$TOKEN" | wc -c > /root/length',), secrets=("key",))
    built = workshop.build(step, secrets={"key": {"TOKEN": "hunter2-hunter2"}})
    assert workshop.look(
        built, "cat /root/length; env | grep -c TOKEN; grep -rl hunter2-hunter2 /root /etc /opt /tmp /var"
    ) == [
        "15",
        "0",
    ]
    details = workshop.engine.image(built.ref)
    assert "hunter2" not in json.dumps([dict(details.env), dict(details.labels)])
