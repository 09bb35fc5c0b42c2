"""Named secrets at rest (secret.*)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intermodal.client.hiding import SHORTEST, Hiding
from intermodal.exception import AlreadyExistsError, BackendError, ConfigError, InvalidError, NotFoundError
from intermodal.storage import SecretStore

VALUES = {"USER": "captain", "PASSWORD": "hunter2-hunter2"}


@pytest.fixture
def store(tmp_path: Path) -> SecretStore:
    return SecretStore(tmp_path / "secrets", tmp_path / "secret.key")


def test_what_is_kept_is_read_again_and_stands_nowhere(store: SecretStore, tmp_path: Path) -> None:
    """Names can be read by who has the directory; values cannot; nobody else can read the files at all."""
    store.create("db", "main", VALUES)
    assert store.read("db", "main") == VALUES
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 2
    for path in files:
        assert path.stat().st_mode & 0o077 == 0
        assert not any(value.encode() in path.read_bytes() for value in VALUES.values())
    (info,) = store.list("main")
    assert (info.name, info.keys) == ("db", ("PASSWORD", "USER"))


def test_names_belong_to_an_environment(store: SecretStore) -> None:
    """The same name elsewhere is another secret; a second one in the same place is an error, unless it overwrites."""
    store.create("db", "main", VALUES)
    store.create("db", "test", {"A": "1"})
    with pytest.raises(AlreadyExistsError, match="--force"):
        store.create("db", "main", {})
    store.create("db", "main", {"B": "2"}, overwrite=True)
    assert (store.read("db", "main"), store.read("db", "test")) == ({"B": "2"}, {"A": "1"})
    store.delete("db", "main")
    with pytest.raises(NotFoundError, match="intermodal secret create db"):
        store.read("db", "main")
    assert (store.list("main"), store.list("nowhere")) == ([], [])


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 65])
def test_a_name_is_no_path(store: SecretStore, name: str) -> None:
    """Refused before anything is touched."""
    with pytest.raises(InvalidError):
        store.create(name, "main", VALUES)
    with pytest.raises(InvalidError):
        store.read("db", name)


def test_a_secret_does_not_open_under_another_name(store: SecretStore, tmp_path: Path) -> None:
    """Whoever can write the directory cannot give one secret's values to what asks for another."""
    store.create("db", "main", VALUES)
    (tmp_path / "secrets" / "main" / "other.json").write_bytes((tmp_path / "secrets" / "main" / "db.json").read_bytes())
    with pytest.raises(ConfigError, match="cannot be decrypted"):
        store.read("other", "main")


def test_another_key_a_lost_key_and_an_open_key_are_told_apart(store: SecretStore, tmp_path: Path) -> None:
    """Each with what to do; no message has a value."""
    store.create("db", "main", VALUES)
    key = tmp_path / "secret.key"
    right = key.read_text()
    key.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        store.read("db", "main")
    key.chmod(0o600)
    key.write_text("AAAA")
    with pytest.raises(ConfigError, match="holds no key"):
        store.read("db", "main")
    key.unlink()
    with pytest.raises(ConfigError, match="bring it back"):
        store.read("db", "main")
    store.create("new", "main", {"A": "1"})
    with pytest.raises(ConfigError, match="cannot be decrypted"):
        store.read("db", "main")
    key.write_text(right)
    assert store.read("db", "main") == VALUES


@pytest.mark.parametrize("damage", ["", "{}", "[1]", '{"version": 9}', '{"version": 1, "nonce": "!", "box": ""}'])
def test_a_damaged_file_is_an_error_that_says_so(store: SecretStore, tmp_path: Path, damage: str) -> None:
    """Of the secret alone; others are read all the same."""
    store.create("db", "main", VALUES)
    store.create("fine", "main", VALUES)
    (tmp_path / "secrets" / "main" / "db.json").write_text(damage)
    with pytest.raises(BackendError, match="damaged"):
        store.read("db", "main")
    assert store.read("fine", "main") == VALUES


@given(st.lists(st.text(min_size=SHORTEST, max_size=30), min_size=1, max_size=3), st.text(max_size=20))
def test_no_value_survives_hiding(values: list[str], around: str) -> None:
    """Plain, in a repr, in an address or as JSON's text of plain ASCII: no line of a value is left in what is shown."""
    lines = [line.strip() for value in values for line in value.splitlines()]
    secret = [line for line in lines if len(line) >= SHORTEST and line not in "***"]
    hiding = Hiding(values)
    for line in secret:
        for shown in (f"{around}{line}{around}", repr([line, around]), around + line):
            hidden = hiding.hide(shown)
            assert line not in hidden or set(line) <= {"*"}, hidden
