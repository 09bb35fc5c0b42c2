"""Real little distributions on `sys.path`, and nothing of this machine's own configuration."""

from __future__ import annotations

import itertools
import os
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from intermodal.plugins import Config, PluginHost, load
from intermodal.plugins.config import set_command_line

#: Distribution name, entry points by group, sources by module name.
Distribute = Callable[..., Path]

BACKEND = """
    from intermodal.plugins import BuiltImage, Capabilities, PruneReport, hookimpl
    from intermodal.specs import ResourceTotals

    class StubBuilder:
        async def build(self, image, blobs, sink):
            return BuiltImage(id="i", ref="stub", python="3.11")
        async def images(self): return []
        async def prune(self, *, everything=False, older_than_s=0.0):
            return PruneReport(removed=(), bytes_freed=0)
        async def close(self): pass

    class StubLauncher:
        async def totals(self): return ResourceTotals()
        async def launch(self, spec, image, gpus, boot, output): raise NotImplementedError
        async def bare(self, spec, image, gpus, output): raise NotImplementedError
        async def close(self): pass

    @hookimpl
    def intermodal_builder(config): return StubBuilder()

    @hookimpl
    def intermodal_launcher(config): return StubLauncher()

    @hookimpl
    def intermodal_capabilities(config):
        return Capabilities(
            supported=frozenset({"image.copy", "image.pip_install", "exec"}),
            notes={"snapshot": "stubs have no memory", "image.apt_install": "stubs have no apt"},
        )
"""


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No settings from outside, an empty project directory, and modules forgotten afterwards."""
    for name in list(os.environ):
        if name.startswith(("INTERMODAL_", "MODAL_", "XDG_")):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    project = tmp_path / "project"
    home.mkdir()
    project.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(project)
    set_command_line({})
    before = set(sys.modules)
    yield
    set_command_line({})
    for name in set(sys.modules) - before:
        if name.startswith(("stub_", "plug_", "intermodal_plugins")):
            del sys.modules[name]


@pytest.fixture
def distribute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Distribute:
    """Install a distribution: `distribute("name", {"group": {"entry": "module"}}, {"module": "source"})`."""
    numbers = itertools.count()

    def install(name: str, points: Mapping[str, Mapping[str, str]], modules: Mapping[str, str]) -> Path:
        site = tmp_path / f"site-{next(numbers)}"
        info = site / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = []
        for group, entries in points.items():
            lines += [f"[{group}]", *(f"{entry} = {value}" for entry, value in entries.items())]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        for module, source in modules.items():
            (site / f"{module}.py").write_text(textwrap.dedent(source))
        monkeypatch.syspath_prepend(str(site))
        return site

    return install


@pytest.fixture
def stub(distribute: Distribute) -> str:
    """An installed backend `stub`."""
    distribute("stub-backend", {"intermodal.backends": {"stub": "stub_backend"}}, {"stub_backend": BACKEND})
    return "stub"


@pytest.fixture
def start(stub: str) -> Iterator[Callable[..., PluginHost]]:
    """Load a host on the stub backend with the given settings, and close it at the end."""
    hosts: list[PluginHost] = []

    def make(**settings: str) -> PluginHost:
        host = load(Config.load(command_line={"backend": stub, **settings}))
        hosts.append(host)
        return host

    yield make
    for host in hosts:
        host.close()


@pytest.fixture
def add_plugin(distribute: Distribute) -> Callable[..., Path]:
    """Install a distribution `dist-NAME` with one plugin, module `plug_NAME`."""

    def add(name: str, source: str) -> Path:
        text = "from intermodal.plugins import *\n" + textwrap.dedent(source)
        return distribute(f"dist-{name}", {"intermodal.plugins": {name: f"plug_{name}"}}, {f"plug_{name}": text})

    return add
