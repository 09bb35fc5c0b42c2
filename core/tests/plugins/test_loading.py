"""Which plugins a session gets, and what is said when one cannot be had."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from intermodal.exception import BackendNotFoundError, ConfigError, PluginError
from intermodal.plugins import Config, load


def names(host) -> list[str]:
    return [item.name for item in host.plugins]


def test_only_the_chosen_backend_is_imported(distribute, start) -> None:
    """Another installed backend, even a broken one, costs nothing and breaks nothing."""
    distribute(
        "other", {"intermodal.backends": {"other": "stub_other"}}, {"stub_other": "raise SystemExit('imported')"}
    )
    assert "stub" in names(start())
    assert "stub_other" not in sys.modules


def test_unknown_backend_lists_the_installed_ones_and_the_command_to_get_it(stub) -> None:
    """The error for a known backend names the pip command, and where the choice came from."""
    with pytest.raises(BackendNotFoundError, match=r"'k8s' \(from command line\).*stub.*pip install intermodal-k8s"):
        load(Config.load(command_line={"backend": "k8s"}))


def test_unheard_of_backend_lists_the_known_ones(stub) -> None:
    """A name that nobody knows gets the list of known backends."""
    with pytest.raises(BackendNotFoundError, match=r"'dokcer'.*Installed: .*stub.*k8s \(pip install intermodal-k8s\)"):
        load(Config.load(command_line={"backend": "dokcer"}))


def test_two_distributions_that_claim_one_backend_are_both_named(distribute, start) -> None:
    """The error names both, so that one can be uninstalled."""
    distribute("impostor", {"intermodal.backends": {"stub": "stub_impostor"}}, {"stub_impostor": ""})
    with pytest.raises(PluginError, match=r"'stub' is claimed by 2.*(impostor.*stub-backend|stub-backend.*impostor)"):
        start()


def test_failing_plugin_import_names_plugin_distribution_and_cause(add_plugin, start) -> None:
    """The cause is chained, and the message says how to go on without it."""
    add_plugin("broken", "import missing_thing")
    with pytest.raises(
        PluginError, match=r"'broken' of distribution dist-broken 1\.0.*missing_thing.*-p no:broken"
    ) as caught:
        start()
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
    assert "broken" not in names(start(plugins="no:broken"))


def test_failing_backend_import_names_backend_distribution_and_cause(distribute) -> None:
    """A backend that does not import is said to be there, and why it fails."""
    distribute("bad", {"intermodal.backends": {"bad": "stub_bad"}}, {"stub_bad": "1/0"})
    with pytest.raises(PluginError, match=r"backend 'bad' of distribution bad 1\.0.*ZeroDivisionError"):
        load(Config.load(command_line={"backend": "bad"}))


def test_installed_plugins_load_by_themselves_unless_that_is_turned_off(add_plugin, start) -> None:
    """Autoload; INTERMODAL_DISABLE_PLUGIN_AUTOLOAD keeps to those that are named."""
    add_plugin("one", "")
    add_plugin("two", "")
    assert {"one", "two"} <= set(names(start()))
    assert {"one", "two"} & set(names(start(disable_plugin_autoload="true", plugins="two"))) == {"two"}


def test_environment_and_command_line_plugins_are_joined_and_the_last_word_wins(add_plugin, start, monkeypatch) -> None:
    """-p no:NAME takes out what INTERMODAL_PLUGINS put in."""
    add_plugin("one", "")
    add_plugin("two", "")
    monkeypatch.setenv("INTERMODAL_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("INTERMODAL_PLUGINS", "one,two")
    assert {"one", "two"} & set(names(start(plugins="no:one"))) == {"two"}


def test_a_module_can_be_named_as_plugin(distribute, start) -> None:
    """-p takes any importable module, as pytest does."""
    distribute("plain", {}, {"plug_plain": ""})
    (item,) = [item for item in start(plugins="plug_plain").plugins if item.name == "plug_plain"]
    assert item.kind == "plugin module"


def test_an_unknown_plugin_name_lists_what_there_is(add_plugin, start) -> None:
    """With the nearest name."""
    add_plugin("tracing", "")
    with pytest.raises(PluginError, match=r"no plugin 'traceing'.*did you mean 'tracing'"):
        start(plugins="traceing")


def test_a_named_module_that_fails_inside_shows_its_own_error(distribute, start) -> None:
    """A module that exists but misses another one is not called unknown."""
    distribute("plain", {}, {"plug_sick": "import not_there_at_all"})
    with pytest.raises(PluginError, match=r"'plug_sick'.*could not be imported.*not_there_at_all"):
        start(plugins="plug_sick")


def test_the_projects_own_plugins_file_is_loaded_last(add_plugin, start) -> None:
    """intermodal_plugins.py beside pyproject.toml, called before all others; -p no: keeps it out."""
    add_plugin("one", "")
    Path("pyproject.toml").write_text("[project]\nname = 'x'\n")
    Path("intermodal_plugins.py").write_text("")
    assert names(start())[-1] == "intermodal_plugins"
    assert "intermodal_plugins" not in names(start(plugins="no:intermodal_plugins"))


def test_a_failing_project_file_is_named(start) -> None:
    """With its path and the cause."""
    Path("pyproject.toml").write_text("[tool.intermodal]\n")
    Path("intermodal_plugins.py").write_text("def broken(:\n")
    with pytest.raises(PluginError, match=r"project/intermodal_plugins\.py could not be imported: SyntaxError"):
        start()


def test_unknown_hook_is_refused_with_the_nearest(add_plugin, start) -> None:
    """A misspelt hook would never be called."""
    add_plugin("typo", "@hookimpl\ndef intermodal_bulider(config): pass")
    with pytest.raises(
        PluginError, match=r"'typo' of dist-typo 1\.0 implements 'intermodal_bulider'.*'intermodal_builder'"
    ):
        start()


def test_unknown_hook_argument_is_refused(add_plugin, start) -> None:
    """pluggy's check, with our plugin's name."""
    add_plugin("args", "@hookimpl\ndef intermodal_configure(konfig): pass")
    with pytest.raises(PluginError, match=r"(?s)'args' of dist-args 1\.0 cannot be registered.*konfig"):
        start()


def test_forgotten_marker_is_refused(add_plugin, start) -> None:
    """A function named like a hook but without @hookimpl would be passed over in silence."""
    add_plugin("bare", "def intermodal_log(events): pass")
    with pytest.raises(PluginError, match="defines intermodal_log without marking it"):
        start()


def test_observers_cannot_be_wrapped(add_plugin, start) -> None:
    """They stand for themselves; the error lists what can be wrapped."""
    add_plugin("wrap", "@hookimpl(wrapper=True)\ndef intermodal_log(events):\n    return (yield)")
    with pytest.raises(PluginError, match=r"wraps intermodal_log.*intermodal_builder"):
        start()


def test_a_class_as_entry_point_is_refused(distribute, start) -> None:
    """Its hooks would be called without self."""
    distribute("klass", {"intermodal.plugins": {"klass": "plug_klass:K"}}, {"plug_klass": "class K: pass"})
    with pytest.raises(PluginError, match=r"'klass' of distribution klass 1\.0 is a class"):
        start()


def test_options_of_plugins_are_registered_and_read(add_plugin, start, monkeypatch) -> None:
    """intermodal_addoption, then intermodal_configure sees the value."""
    add_plugin(
        "opts",
        """
        seen = []
        @hookimpl
        def intermodal_addoption(options): options.add("opts.level", type="int", default=1, help="How much.")
        @hookimpl
        def intermodal_configure(config): seen.append(config.get("opts.level"))
        """,
    )
    monkeypatch.setenv("INTERMODAL_OPTS_LEVEL", "7")
    start()
    assert sys.modules["plug_opts"].seen == [7]


def test_configured_plugins_are_unconfigured_in_reverse_also_when_one_fails(add_plugin, start) -> None:
    """A failing intermodal_configure undoes those before it, and says who failed."""
    for name in ("aa", "bb"):
        add_plugin(
            name,
            f"""
            import sys
            log = sys.__dict__.setdefault("_order_of_plugins", [])
            @hookimpl
            def intermodal_configure(config): log.append("+{name}")
            @hookimpl
            def intermodal_unconfigure(config): log.append("-{name}")
            """,
        )
    add_plugin("cc", "@hookimpl\ndef intermodal_configure(config): raise OSError('no disk')")
    try:
        with pytest.raises(PluginError, match=r"'cc' of dist-cc 1.0 failed in intermodal_configure: OSError: no disk"):
            start()
        host = start(plugins="no:cc")
        host.close()
        host.close()
        assert sys._order_of_plugins == ["+aa", "+bb", "-bb", "-aa"] * 2
    finally:
        del sys._order_of_plugins


def test_a_configuration_error_of_a_plugin_stays_one(add_plugin, start) -> None:
    """Plugins refuse values with ConfigError; it is not wrapped."""
    add_plugin(
        "picky",
        """
        from intermodal.exception import ConfigError
        @hookimpl
        def intermodal_configure(config): raise ConfigError("picky.url is missing")
        """,
    )
    with pytest.raises(ConfigError, match=r"^picky\.url is missing$"):
        start()
