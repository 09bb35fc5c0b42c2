"""Which backends can run on this machine: the one place where tests learn it. A plugin of pytest.

- A test that takes the argument `backend` runs once for each installed first-party backend, with its name.
- `@pytest.mark.engine("NAME")` is for tests of one container engine.
- Tests whose engine is not here are deselected, and the end of the run says so; in continuous integration (`CI=true`)
  a missing engine is an error.
"""

from __future__ import annotations

import gc
import os
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from intermodal.exception import BackendError
from intermodal_docker.engine import Engine
from intermodal_docker.engines.docker_engine import DockerEngine
from intermodal_docker.engines.podman_engine import PodmanEngine
from intermodal_docker.session import left_containers

__all__ = ["BACKENDS", "ENGINES", "containers_left", "engine_called"]

ENGINES: dict[str, type[Engine]] = {"docker": DockerEngine, "podman": PodmanEngine}
BACKENDS = ("local", *ENGINES)
ADVICE = "`tools/engines up` brings them, as root on Debian or Ubuntu; elsewhere install and start them your own way."
_MISSING = pytest.StashKey[dict[str, int]]()


def engine_called(name: str) -> Engine:
    """The engine of that name that its backend would use."""
    return ENGINES[name]()


@cache
def why_missing(name: str) -> str | None:
    """None if the engine answers, else why it does not."""
    engine = engine_called(name)
    try:
        engine.info()
    except BackendError as error:
        return str(error)
    finally:
        engine.close()
        del engine
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # a client that cannot connect leaves its socket open
            gc.collect()
    return None


def containers_left(data_dir: Path) -> list[str]:
    """Containers of sessions on this data directory, in the engines that are here."""
    found = []
    for name in ENGINES:
        if not why_missing(name):
            engine = engine_called(name)
            found += [f"{name}: container {each.id}" for each in left_containers(engine, data_dir)]
            engine.close()
    return found


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", "engine(name): needs the container engine of that name")
    config.stash[_MISSING] = {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give tests that take `backend` one backend after another."""
    if "backend" in metafunc.fixturenames:
        params = [pytest.param(name, marks=[pytest.mark.engine(name)] if name in ENGINES else []) for name in BACKENDS]
        metafunc.parametrize("backend", params, scope="session")


@pytest.hookimpl(trylast=True)  # what `-m` and `-k` leave out needs no engine
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot run here, in the open."""
    missing = config.stash[_MISSING]
    left_out = []
    for item in items:
        lacking = [mark.args[0] for mark in item.iter_markers("engine") if why_missing(mark.args[0])]
        for name in lacking:
            missing[name] = missing.get(name, 0) + 1
        if lacking:
            left_out.append(item)
    if missing and os.environ.get("CI", "").lower() == "true":
        reasons = "\n".join(f"{name}: {why_missing(name)}" for name in missing)
        raise pytest.UsageError(f"CI=true, and engines that tests need are not here. {ADVICE}\n{reasons}")
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the controller, where this is a worker of xdist."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["missing_engines"] = session.config.stash[_MISSING]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear from a worker: each has collected all tests."""
    node.config.stash[_MISSING].update(getattr(node, "workeroutput", {}).get("missing_engines", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out, and how to have it."""
    missing = config.stash[_MISSING]
    if missing:
        terminalreporter.section("backends that could not be tested here")
        for name, tests in missing.items():
            terminalreporter.line(f"{tests} tests of {name} were left out: {why_missing(name)}")
        terminalreporter.line(ADVICE)
