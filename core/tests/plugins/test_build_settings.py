"""What builds get to know of the user's set-up."""

from __future__ import annotations

from pathlib import Path

from intermodal.plugins.building import read_settings


def settings(
    tmp_path: Path, environ: dict[str, str], files: dict[str, str] | None = None
) -> tuple[dict[str, str], dict[str, Path]]:
    """Environment and files, for a host with these files only."""
    for name, text in (files or {}).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = read_settings("/kit", environ, tmp_path / "home", tmp_path / "etc")
    return found.env, found.files


def test_only_settings_of_installing_are_taken(tmp_path: Path) -> None:
    """No other variable of the client reaches a build."""
    env, files = settings(
        tmp_path,
        {
            "UV_INDEX_URL": "u",
            "PIP_PROXY": "p",
            "HTTPS_PROXY": "h",
            "AWS_SECRET": "s",
            "UV_CACHE_DIR": "/c",
            "PIP_USER": "1",
        },
    )
    assert env == {"UV_INDEX_URL": "u", "PIP_PROXY": "p", "HTTPS_PROXY": "h"}
    assert files == {}


def test_named_files_are_shown_inside(tmp_path: Path) -> None:
    """What is not part of every container's root anyway."""
    bundle = tmp_path / "ca.pem"
    bundle.write_text("certificate")
    env, files = settings(tmp_path, {"SSL_CERT_FILE": str(bundle), "REQUESTS_CA_BUNDLE": "/etc/ssl/certs/x.crt"})
    assert env == {"SSL_CERT_FILE": "/kit/0-ca.pem", "REQUESTS_CA_BUNDLE": "/etc/ssl/certs/x.crt"}
    assert files == {"/kit/0-ca.pem": bundle}


def test_addresses_of_files_are_shown_inside_too(tmp_path: Path) -> None:
    """A mirror of Pythons, say, that is a directory of this host."""
    env, files = settings(tmp_path, {"UV_PYTHON_INSTALL_MIRROR": f"file://{tmp_path}/"})
    assert env == {"UV_PYTHON_INSTALL_MIRROR": f"file:///kit/0-{tmp_path.name}"}
    assert files == {f"/kit/0-{tmp_path.name}": tmp_path}


def test_pips_configuration_is_told_to_uv(tmp_path: Path) -> None:
    """The user's file is stronger than the host's, the environment than both."""
    env, files = settings(
        tmp_path,
        {"PIP_TRUSTED_HOST": "a.example b.example"},
        {
            "etc/pip.conf": "[global]\nindex-url = https://host.example/simple\ncert = /etc/ssl/own.pem\n",
            "home/.config/pip/pip.conf": "[global]\nindex-url = https://user.example/simple\n"
            "extra-index-url =\n  https://one.example\n  https://two.example\n",
        },
    )
    assert env["UV_DEFAULT_INDEX"] == "https://user.example/simple"
    assert env["UV_INDEX"] == "https://one.example https://two.example"
    assert env["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert env["UV_INSECURE_HOST"] == "a.example b.example"
    assert env["SSL_CERT_FILE"] == "/etc/ssl/own.pem"
    assert env["PIP_CONFIG_FILE"] == "/kit/0-pip.conf"
    assert files["/kit/0-pip.conf"] == tmp_path / "home/.config/pip/pip.conf"


def test_uvs_own_index_is_stronger_than_pips(tmp_path: Path) -> None:
    """In its file or in the environment."""
    pip = {"etc/pip.conf": "[global]\nindex-url = https://pip.example/simple\n"}
    env, _ = settings(tmp_path, {"UV_DEFAULT_INDEX": "https://uv.example/simple"}, pip)
    assert env["UV_DEFAULT_INDEX"] == "https://uv.example/simple"
    uv = {"home/.config/uv/uv.toml": '[[index]]\nurl = "https://uv.example/simple"\n'}
    env, files = settings(tmp_path, {}, {**pip, **uv})
    assert "UV_DEFAULT_INDEX" not in env
    assert files[env["UV_CONFIG_FILE"]] == tmp_path / "home/.config/uv/uv.toml"


def test_a_broken_configuration_file_is_left_to_its_owner(tmp_path: Path) -> None:
    """Nothing is taken from it, and nothing fails."""
    env, _ = settings(tmp_path, {}, {"etc/pip.conf": "index-url = no section", "etc/uv/uv.toml": "= broken"})
    assert "UV_DEFAULT_INDEX" not in env


def test_passwords_of_indexes_come_by_netrc(tmp_path: Path) -> None:
    """uv reads it itself; it is shown, never copied."""
    env, files = settings(tmp_path, {}, {"home/.netrc": "machine a login b password c"})
    assert files[env["NETRC"]] == tmp_path / "home/.netrc"
