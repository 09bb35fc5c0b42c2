"""tools/engines: what it adds to a user's configuration, and what it leaves alone."""

from __future__ import annotations

import tomllib
from pathlib import Path

from container_engines.machine import ca_bundle, variables
from container_engines.user_config import add_missing, config_path, write_config

WANTED = {"ca_bundle": "/ca.pem", "env": ["PIP_INDEX_URL=https://index.example/simple"]}


def test_an_empty_file_gets_all() -> None:
    """With a section of its own."""
    text = add_missing("", "docker", WANTED)
    assert text is not None
    assert tomllib.loads(text) == {"docker": WANTED}


def test_what_the_user_has_set_stays() -> None:
    """Missing keys go into the section that is there, comments and all."""
    text = add_missing('backend = "docker"\n\n[docker] # mine\nca_bundle = "/own.pem"\n\n[local]\n', "docker", WANTED)
    assert text is not None
    assert tomllib.loads(text)["docker"] == {**WANTED, "ca_bundle": "/own.pem"}
    assert "# mine" in text
    assert add_missing(text, "docker", WANTED) == text


def test_a_file_that_cannot_be_added_to_is_left() -> None:
    """Broken, or with the section written as an inline table."""
    assert add_missing("[docker", "docker", WANTED) is None
    assert add_missing("docker = { host = 'x' }\n", "docker", WANTED) is None


def test_certificates_and_indexes_come_from_pip(tmp_path: Path) -> None:
    """Its variables are stronger than its file, paths of this machine stay here, and so do proxies on loopback."""
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    (tmp_path / ".config/pip").mkdir(parents=True)
    (tmp_path / ".config/pip/pip.conf").write_text(
        f"[global]\ncert = {bundle}\nindex-url = https://file.example/simple\nfind-links = /opt/wheels\n"
        "extra-index-url =\n  https://one.example\n  https://two.example\n"
    )
    environ = {
        "HOME": str(tmp_path),
        "PIP_INDEX_URL": "https://variable.example/simple",
        "http_proxy": "http://127.0.0.1:3128",
        "HTTPS_PROXY": "http://proxy.example:3128",
    }
    assert ca_bundle(environ) == str(bundle)
    found = variables(environ)
    assert (
        found
        | {
            "PIP_INDEX_URL": "https://variable.example/simple",
            "PIP_EXTRA_INDEX_URL": "https://one.example https://two.example",
            "HTTPS_PROXY": "http://proxy.example:3128",
        }
        == found
    )
    assert not {"HTTP_PROXY", "PIP_FIND_LINKS"} & set(found)


def test_it_is_written_once_and_only_for_its_owner(tmp_path: Path) -> None:
    """An index's address may hold a password."""
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "PIP_INDEX_URL": "https://u:p@index.example"}
    write_config(("docker", "podman"), environ)
    path = config_path(environ)
    assert path == tmp_path / "intermodal" / "config.toml"
    assert tomllib.loads(path.read_text())["podman"]["env"] == ["PIP_INDEX_URL=https://u:p@index.example"]
    assert path.stat().st_mode & 0o077 == 0
    before = path.stat()
    write_config(("docker", "podman"), environ)
    assert path.stat().st_mtime_ns == before.st_mtime_ns
