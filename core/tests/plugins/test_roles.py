"""Role factories: who answers, wrappers, the Protocol check, and whose capabilities count."""

from __future__ import annotations

import asyncio
import sys

import pytest

from intermodal.exception import BackendError, CapabilityNotSupported, InvalidError, PluginError
from intermodal.plugins import Capabilities
from intermodal.specs import DebianSlim, ImageSpec

IMAGE = ImageSpec(base=DebianSlim(python="3.11"))

SCANNER = """
    class ScanningBuilder:
        def __init__(self, inner):
            self.inner, self.scanned = inner, []
        async def build(self, image, blobs, sink):
            built = await self.inner.build(image, blobs, sink)
            self.scanned.append(built.ref)
            return built
        async def images(self): return await self.inner.images()
        async def prune(self, *, everything=False, older_than_s=0.0):
            return await self.inner.prune(everything=everything, older_than_s=older_than_s)
        async def close(self): await self.inner.close()

    @hookimpl(wrapper=True)
    def intermodal_builder(config):
        return ScanningBuilder((yield))
"""


def test_the_backend_answers_and_is_asked_once(start) -> None:
    """The factory runs once per session; the object is remembered."""
    host = start()
    assert host.builder() is host.builder()
    assert type(host.builder()).__name__ == "StubBuilder"
    assert type(host.launcher()).__name__ == "StubLauncher"


def test_a_wrapper_goes_around_the_backends_builder(add_plugin, start) -> None:
    """A scanning Builder takes the inner one, and every build goes through it."""
    add_plugin("scan", SCANNER)
    builder = start().builder()
    built = asyncio.run(builder.build(IMAGE, None, None))
    assert built.ref == "stub"
    assert builder.scanned == ["stub"]


def test_a_plugin_replaces_one_role(add_plugin, start) -> None:
    """It wins over the backend for that role, and leaves the others."""
    add_plugin(
        "far",
        """
        import stub_backend
        class Far(stub_backend.StubBuilder): pass
        @hookimpl
        def intermodal_builder(config): return Far()
        """,
    )
    host = start()
    assert type(host.builder()).__name__ == "Far"
    assert type(host.launcher()).__name__ == "StubLauncher"


def test_a_plugin_that_declines_leaves_the_role_to_the_next(add_plugin, start) -> None:
    """None means: not me."""
    add_plugin("shy", "@hookimpl\ndef intermodal_builder(config): return None")
    assert type(start().builder()).__name__ == "StubBuilder"


def test_an_object_that_breaks_its_protocol_is_refused_by_method(add_plugin, start) -> None:
    """The error names the plugin, its distribution, the Protocol and each missing method."""
    add_plugin(
        "half", "class Half:\n    async def build(self): pass\n@hookimpl\ndef intermodal_builder(config): return Half()"
    )
    with pytest.raises(
        PluginError,
        match=r"'half' of dist-half 1\.0: intermodal_builder returned a Half.*no Builder.*images\(\), prune\(\)",
    ):
        start().builder()


def test_a_wrapper_that_returns_nothing_is_named(add_plugin, start) -> None:
    """A wrapper that forgets to return the inner object is caught at once."""
    add_plugin("lossy", "@hookimpl(wrapper=True)\ndef intermodal_builder(config):\n    yield")
    with pytest.raises(BackendError, match="intermodal_builder"):
        start().builder()


def test_roles_that_nobody_provides(start, distribute) -> None:
    """No GPUs is fine; no launcher is an error that names the hook."""
    assert start().gpus() is None
    distribute("empty", {"intermodal.backends": {"empty": "stub_empty"}}, {"stub_empty": ""})
    with pytest.raises(BackendError, match=r"'empty'.*Launcher.*intermodal_launcher"):
        start(backend="empty").launcher()


def test_capabilities_come_from_who_provides_the_role(add_plugin, start) -> None:
    """A plugin that replaces the builder states the image capabilities, whatever the backend says about those."""
    add_plugin(
        "far",
        """
        import stub_backend
        @hookimpl
        def intermodal_builder(config): return stub_backend.StubBuilder()
        @hookimpl
        def intermodal_capabilities(config):
            return Capabilities(supported=frozenset({"image.apt_install", "gpu"}), notes={"image.copy": "far away"})
        """,
    )
    have = start().capabilities()
    assert have.supported == {"image.apt_install", "exec"}
    assert have.notes == {"image.copy": "far away", "snapshot": "stubs have no memory"}


def test_a_note_about_a_group_is_about_each_that_is_missing_and_has_none(add_plugin, start) -> None:
    """So a backend need not know all names of a group, nor those that come later."""
    add_plugin(
        "far",
        """
        import stub_backend
        @hookimpl
        def intermodal_builder(config): return stub_backend.StubBuilder()
        @hookimpl
        def intermodal_capabilities(config):
            notes = {"image": "none here", "image.copy": "far away"}
            return Capabilities(supported=frozenset({"image.apt_install"}), notes=notes)
        """,
    )
    notes = start().capabilities().notes
    assert notes["image.copy"] == "far away"
    assert notes["image.secrets"] == "none here"
    assert not {"image", "image.apt_install"} & set(notes)


def test_a_missing_capability_is_refused_with_its_note(start) -> None:
    """CapabilityNotSupported names capability and backend, and says why."""
    host = start()
    host.require("exec")
    with pytest.raises(
        CapabilityNotSupported, match="'stub' does not support 'snapshot': stubs have no memory"
    ) as caught:
        host.require("snapshot")
    assert caught.value.capability == "snapshot"
    with pytest.raises(InvalidError, match="no capability 'snapshots': did you mean 'snapshot'"):
        host.require("snapshots")


def test_a_backend_that_states_nothing_supports_nothing(distribute, start) -> None:
    """Silence is not support."""
    source = "from stub_backend import StubBuilder, StubLauncher, intermodal_builder, intermodal_launcher"
    distribute("mute", {"intermodal.backends": {"mute": "stub_mute"}}, {"stub_mute": source})
    assert start(backend="mute").capabilities() == Capabilities(supported=frozenset(), notes={})


def test_an_unknown_capability_in_a_statement_is_an_error(add_plugin, start) -> None:
    """With the nearest known one."""
    add_plugin(
        "far",
        """
        import stub_backend
        @hookimpl
        def intermodal_builder(config): return stub_backend.StubBuilder()
        @hookimpl
        def intermodal_capabilities(config): return Capabilities(supported=frozenset({"image.pip_instal"}))
        """,
    )
    with pytest.raises(PluginError, match=r"'far' of dist-far 1\.0 states.*'image\.pip_instal'.*'image\.pip_install'"):
        start().capabilities()


def test_a_wrapper_may_narrow_capabilities(add_plugin, start) -> None:
    """It sees the merged statement."""
    add_plugin(
        "narrow",
        """
        import dataclasses
        @hookimpl(wrapper=True)
        def intermodal_capabilities(config):
            have = yield
            return dataclasses.replace(have, supported=have.supported - {"exec"})
        """,
    )
    assert "exec" not in start().capabilities().supported


def test_wrappers_are_not_called_for_roles_nobody_asks_for(add_plugin, start) -> None:
    """Factories are lazy: a session that builds nothing makes no builder."""
    add_plugin(
        "count",
        "calls = []\n@hookimpl(wrapper=True)\ndef intermodal_builder(config):\n    calls.append(1)\n    return (yield)",
    )
    host = start()
    host.launcher()
    assert sys.modules["plug_count"].calls == []
    host.builder()
    host.builder()
    assert sys.modules["plug_count"].calls == [1]
