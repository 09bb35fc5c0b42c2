"""Layers of configuration: later wins, every value has an origin, and wrong ones are refused by name."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intermodal.exception import ConfigError, DeprecationWarning
from intermodal.plugins import Config, Option, Options
from intermodal.plugins import config as config_module
from intermodal.plugins.config import set_command_line
from intermodal.plugins.discovery import KNOWN_BACKENDS
from intermodal.plugins.layers import Layer, flatten
from intermodal.plugins.options import parse_text, parse_value, render

TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12)
VALUES = {
    "str": TEXT,
    "int": st.integers(),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "name": st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}", fullmatch=True),
    "bool": st.booleans(),
    "path": st.from_regex(r"/[a-z/]{0,8}[a-z]", fullmatch=True).map(Path),
    "list": st.lists(TEXT).map(tuple),
}
OPTION_AND_VALUE = st.sampled_from(sorted(VALUES)).flatmap(
    lambda kind: st.tuples(st.just(Option(name="o", type=kind, default=None, help="")), VALUES[kind])
)


@given(OPTION_AND_VALUE)
def test_rendered_values_read_back_the_same(pair) -> None:
    """What `intermodal config` prints means that value again in an environment variable."""
    option, value = pair
    assert parse_text(option, render(option, value), "test") == value


@given(OPTION_AND_VALUE)
def test_toml_values_mean_what_their_texts_mean(pair) -> None:
    """A file and the environment agree."""
    option, value = pair
    plain = list(value) if option.type == "list" else str(value) if option.type == "path" else value
    assert parse_value(option, plain, "test") == parse_text(option, render(option, value), "test")


LEVELS = ("pyproject.toml", "user file", "environment", "command line")


@given(st.dictionaries(st.sampled_from(LEVELS), st.integers(0, 9)))
def test_the_last_layer_that_speaks_wins(said: dict[str, int]) -> None:
    """pyproject.toml → user file → environment → command line; else the default; and the origin says which."""
    environ = {"INTERMODAL_X_N": str(said["environment"])} if "environment" in said else {}

    def values(level: str) -> dict:
        return {"x.n": said[level]} if level in said else {}

    command_line = {name: str(value) for name, value in values("command line").items()}
    config = Config(
        [
            Layer("pyproject.toml", values("pyproject.toml")),
            Layer("user file", values("user file")),
            Layer("command line", command_line, text=True),
        ],
        None,
        environ,
    )
    config.options.add("x.n", type="int", default=-1, help="A number.")
    speaking = [level for level in LEVELS if level in said]
    origin = speaking[-1] if speaking else "default"
    assert config.get("x.n") == said.get(origin, -1)
    assert config.origin("x.n") == {"environment": "INTERMODAL_X_N"}.get(origin, origin)


@given(st.recursive(st.integers(), lambda inner: st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)))
def test_flattened_tables_keep_every_leaf(table) -> None:
    """Each leaf is found under its dotted name."""

    def leaves(value, path=()):
        if not isinstance(value, dict):
            return {".".join(path): value}
        return {name: leaf for key, inner in value.items() for name, leaf in leaves(inner, (*path, key)).items()}

    if isinstance(table, dict):
        assert flatten(table) == leaves(table)


def test_files_environment_and_command_line_together(monkeypatch) -> None:
    """The real sources, in a project directory below the pyproject.toml."""
    Path("pyproject.toml").write_text(
        '[tool.intermodal]\nbackend = "docker"\n[tool.intermodal.local]\ngpus = ["H100:4"]\n'
    )
    user = Path(os.environ["HOME"]) / ".config/intermodal/config.toml"
    user.parent.mkdir(parents=True)
    user.write_text('backend = "podman"\nenvironment = "dev"\n')
    below = Path("src/deep")
    below.mkdir(parents=True)
    config = Config.load(below)
    config.options.add("local.gpus", type="list", help="GPUs.")
    assert (config.backend, config.origin("backend")) == ("podman", str(user))
    assert (config.environment, config.get("local.gpus")) == ("dev", ("H100:4",))
    assert config.origin("local.gpus") == str(Path("pyproject.toml").absolute())
    monkeypatch.setenv("INTERMODAL_BACKEND", "k8s")
    monkeypatch.setenv("INTERMODAL_LOCAL_GPUS", "H100:4, A100:2")
    assert (config.backend, config.origin("backend")) == ("k8s", "INTERMODAL_BACKEND")
    assert config.get("local.gpus") == ("H100:4", "A100:2")
    assert Config.load(below, command_line={"backend": "local"}).backend == "local"


def test_the_process_command_line_reaches_every_load() -> None:
    """`app.run()` in the user's file obeys `intermodal run --backend`."""
    set_command_line({"backend": "podman"})
    assert Config.load().origin("backend") == "command line"


def test_defaults_follow_the_xdg_directories(monkeypatch) -> None:
    """The data directory is under the user's data home, or where INTERMODAL_DATA_DIR says."""
    assert Config.load().data_dir == Path.home() / ".local/share/intermodal"
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert Config.load().data_dir == Path("/data/intermodal")
    monkeypatch.setenv("INTERMODAL_DATA_DIR", "~/here")
    assert Config.load().data_dir == Path.home() / "here"


def test_the_user_file_can_be_named(monkeypatch, tmp_path) -> None:
    """INTERMODAL_CONFIG_PATH; a named file that is absent is an error."""
    monkeypatch.setenv("INTERMODAL_CONFIG_PATH", str(tmp_path / "c.toml"))
    with pytest.raises(ConfigError, match=r"c\.toml cannot be read"):
        Config.load()
    (tmp_path / "c.toml").write_text('backend = "k8s"')
    assert Config.load().backend == "k8s"


def test_broken_toml_names_file_and_line() -> None:
    """Rather than being passed over."""
    Path("pyproject.toml").write_text("[tool.intermodal\n")
    with pytest.raises(ConfigError, match=r"project/pyproject\.toml is not valid TOML.*line 1"):
        Config.load()


@pytest.mark.parametrize(
    ("name", "type", "text", "wanted"),
    [
        ("n", "int", "three", "a whole number"),
        ("n", "float", "x", "a number"),
        ("n", "bool", "perhaps", "true or false"),
        ("n", "list", '["a", 1]', "a list of texts"),
    ],
)
def test_a_value_of_the_wrong_type_names_key_value_and_origin(monkeypatch, name, type, text, wanted) -> None:
    """And what would do."""
    config = Config.load()
    config.options.add("x.n", type=type, help="")
    monkeypatch.setenv("INTERMODAL_X_N", text)
    with pytest.raises(ConfigError, match=r"x\.n = .* from INTERMODAL_X_N cannot be used: it takes " + wanted):
        config.get("x.n")


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("call_days", "-1", "a number from 0 to 36500"),
        ("call_days", "nan", "a number from 0 to 36500"),
        ("log_days", "1e400", "a number from 0 to 36500"),
        ("call_bytes", "-1", "a whole number from 0 to "),
        ("client_lease_s", "-5", "a number from 0 to "),
        ("grace_s", "inf", "a number from 0 to "),
        ("web_port", "99999", "a whole number from 0 to 65535"),
        ("environment", "../x", "a name: use 1 to 64 letters"),
    ],
)
def test_a_value_out_of_range_names_key_and_range(name: str, text: str, wanted: str) -> None:
    """Infinity and what is no number are in no range."""
    config = Config.load(environ={f"INTERMODAL_{name.upper()}": text})
    with pytest.raises(ConfigError, match=rf"{name} = .* from INTERMODAL_{name.upper()} .*: it takes {wanted}"):
        config.check()


@given(st.floats() | st.integers() | st.just(10**400))
def test_numbers_are_finite_and_within_what_the_option_allows(value: float) -> None:
    """Both bounds included, the same in files and in the environment."""
    option = Option(name="o", type="float", default=None, help="", smallest=0, largest=9.5)
    for parse, given_value in ((parse_value, value), (parse_text, str(value))):
        if 0 <= value <= 9.5:
            assert parse(option, given_value, "test") == value
        else:
            with pytest.raises(ConfigError, match=r"a number from 0 to 9\.5"):
                parse(option, given_value, "test")


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 10**400])
def test_without_bounds_numbers_are_finite(value: float) -> None:
    """No part of core can do anything with the others."""
    option = Option(name="o", type="float", default=None, help="")
    with pytest.raises(ConfigError, match="it takes a number"):
        parse_value(option, value, "test")


def test_a_secret_of_the_wrong_type_is_not_shown() -> None:
    """Nor is anything else that is secret by an error."""
    secret = Option(name="pin", type="int", default=None, help="", secret=True)
    for parse, value in ((parse_text, "imt-1"), (parse_value, "imt-1")):
        with pytest.raises(ConfigError, match="pin from a file cannot be used: it takes a whole number") as caught:
            parse(secret, value, "a file")
        assert "imt-1" not in str(caught.value)


def test_choices_are_enforced() -> None:
    """The error lists them."""
    config = Config.load(command_line={"local.isolation": "vm"})
    config.options.add("local.isolation", choices=("namespaces", "process"), default="namespaces", help="")
    with pytest.raises(ConfigError, match="one of namespaces, process"):
        config.check()


def test_an_unknown_key_in_a_file_names_the_nearest() -> None:
    """At the top and in the section of something that is loaded."""
    Path("pyproject.toml").write_text('[tool.intermodal]\nbakend = "local"\n')
    with pytest.raises(ConfigError, match=r"pyproject\.toml sets 'bakend'.*did you mean 'backend'"):
        Config.load().check()
    Path("pyproject.toml").write_text("[tool.intermodal.local]\ngpu = []\n")
    config = Config.load()
    config.options.add("local.gpus", type="list", help="")
    with pytest.raises(ConfigError, match=r"'local\.gpu'.*'local\.gpus'"):
        config.check()


def test_sections_of_what_is_not_loaded_are_left_alone() -> None:
    """Installed but not chosen: silent. Unknown altogether: a warning, for it may be a plugin that is not here."""
    Path("pyproject.toml").write_text("[tool.intermodal.docker]\nhost = 1\n[tool.intermodal.lokal]\nx = 1\n")
    with pytest.warns(UserWarning, match="section 'lokal': did you mean 'local'"):
        Config.load().check({"docker", "local"})


def test_sections_of_backends_that_are_not_installed_are_left_alone(start) -> None:
    """One file may serve several machines: it says what those backends that exist want, wherever they are."""
    lines = [f"[tool.intermodal.{name}]\nhost = 'there'\n" for name in KNOWN_BACKENDS if name != "local"]
    Path("pyproject.toml").write_text("".join(lines))
    start()  # a warning would be an error


def test_an_unknown_key_on_the_command_line_is_an_error() -> None:
    """Also in a section that nobody reads: somebody just typed it."""
    with pytest.raises(ConfigError, match=r"command line sets 'foo\.bar'"):
        Config.load(command_line={"foo.bar": "1"}).check()


def test_a_variable_that_is_nearly_a_setting_is_warned_about(monkeypatch) -> None:
    """Others may be anybody's: `INTERMODAL_SOMETHING` of a script is no mistake."""
    monkeypatch.setenv("INTERMODAL_SOMETHING", "1")
    Config.load().check()
    monkeypatch.setenv("INTERMODAL_DATADIR", "/x")
    with pytest.warns(
        UserWarning, match="INTERMODAL_DATADIR is set, and is no setting: did you mean 'INTERMODAL_DATA_"
    ):
        Config.load().check()


def test_modals_environment_variable_is_accepted_and_warns_once(monkeypatch) -> None:
    """MODAL_ENVIRONMENT is INTERMODAL_ENVIRONMENT; the warning has the new name; the new one wins."""
    monkeypatch.setattr(config_module, "_warned", set())
    monkeypatch.setenv("MODAL_ENVIRONMENT", "staging")
    with pytest.warns(DeprecationWarning, match="MODAL_ENVIRONMENT.*INTERMODAL_ENVIRONMENT"):
        assert Config.load().environment == "staging"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Config.load().environment == "staging"
    monkeypatch.setenv("INTERMODAL_ENVIRONMENT", "prod")
    assert Config.load().environment == "prod"


def test_an_empty_variable_counts_as_not_set(monkeypatch) -> None:
    """As shells and compose files leave them."""
    monkeypatch.setenv("INTERMODAL_BACKEND", "")
    assert Config.load().origin("backend") == "default"


def test_an_option_is_registered_once() -> None:
    """Two names with one environment variable clash too."""
    options = Options()
    options.add("a.b_c", help="")
    with pytest.raises(ConfigError, match="twice"):
        options.add("a_b.c", help="")
    with pytest.raises(ConfigError, match="dotted lower-case"):
        options.add("A-B", help="")


def test_a_strangers_project_above_is_not_trusted(tmp_path, monkeypatch) -> None:
    """In a shared directory another user's pyproject.toml would run code as this one."""
    if os.geteuid() != 0:
        pytest.skip("giving a file away needs root")
    Path("pyproject.toml").write_text('[tool.intermodal]\nbackend = "evil"\n')
    below = Path("mine")
    below.mkdir()
    os.chown("pyproject.toml", 12345, 12345)
    with pytest.warns(UserWarning, match="belongs to another user"):
        assert Config.load(below).backend == "local"


def test_additive_settings_join_all_sources(monkeypatch) -> None:
    """Plugins named anywhere count; the origin lists every source."""
    Path("pyproject.toml").write_text('[tool.intermodal]\nplugins = ["a"]\n')
    monkeypatch.setenv("INTERMODAL_PLUGINS", "b,no:a")
    config = Config.load(command_line={"plugins": json.dumps(["c"])})
    assert config.get("plugins") == ("a", "b", "no:a", "c")
    assert config.origin("plugins").endswith("pyproject.toml + INTERMODAL_PLUGINS + command line")
