"""Older spellings are accepted; each warns once, with the new one's name (head of the semantics)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import intermodal
from intermodal import gpu
from intermodal.definitions import spellings
from intermodal.definitions.lowering import lower
from intermodal.exception import ConfigError, DeprecationWarning, InvalidError
from intermodal.plugins import Config
from intermodal.plugins import config as config_module
from intermodal.specs import CopyFiles, FunctionSpec, GpuChoice


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing was warned about yet; a directory with a file in it."""
    monkeypatch.setattr(spellings, "_warned", set())
    monkeypatch.setattr(config_module, "_warned", set())
    for name in ("INTERMODAL_ENVIRONMENT", "MODAL_ENVIRONMENT", "MODAL_ENV"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "file.txt").write_text("x")
    monkeypatch.chdir(tmp_path)


def once(use: Callable[[], Any], said: str) -> Any:
    """What `use` gives; it warns with `said` at this file's line, and the second time not at all."""
    with pytest.warns(DeprecationWarning, match=said) as caught:
        result = use()
    assert [warning.filename for warning in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        use()
    return result


def spec(**options: Any) -> FunctionSpec:
    """A function with these options, lowered."""
    app = intermodal.App("older")

    @app.function(serialized=True, **options)
    def function(x: int) -> int:
        return x

    (only,) = lower(app).app.functions
    return only


@pytest.mark.parametrize(
    ("option", "value", "new", "read"),
    [
        ("keep_warm", 2, "min_containers=", lambda made: made.scaling.min_containers),
        ("concurrency_limit", 3, "max_containers=", lambda made: made.scaling.max_containers),
        ("container_idle_timeout", 45, "scaledown_window=", lambda made: made.scaling.window_s),
        ("allow_concurrent_inputs", 5, r"@intermodal\.concurrent", lambda made: made.max_inputs),
        ("checkpointing_enabled", True, "enable_memory_snapshot=", lambda made: made.snapshot),
    ],
)
def test_options(option: str, value: object, new: str, read: Callable[[FunctionSpec], object]) -> None:
    """The old keyword means what the new one does."""
    made = once(lambda: spec(**{option: value}), rf"@app\.function\({option}=\) is an older spelling: write {new}")
    assert read(made) == value


def test_one_secret_and_single_use() -> None:
    """`secret=` is a list of one; `max_inputs=1` a container for each input."""
    secret = intermodal.Secret.from_dict({"A": "1"})
    assert len(once(lambda: spec(secret=secret), "secrets=").secrets) == 1
    assert once(lambda: spec(max_inputs=1), "single_use_containers=True").single_use


def test_options_of_classes() -> None:
    """They are those of functions."""

    def use() -> Any:
        app = intermodal.App("older")

        @app.cls(serialized=True, keep_warm=1)
        class Model:
            @intermodal.method()
            def ask(self) -> int:
                return 1

        return lower(app).app.functions[0]

    assert once(use, r"@app\.cls\(keep_warm=\).*min_containers=").scaling.min_containers == 1


def test_both_spellings_of_one_are_refused() -> None:
    """Which of them is meant?"""
    with pytest.raises(InvalidError, match=r"keep_warm= is the older spelling of min_containers=; give one of them"):
        spec(keep_warm=1, min_containers=2)


def test_a_web_endpoint() -> None:
    """`@web_endpoint` is `@fastapi_endpoint`."""
    old = once(lambda: intermodal.web_endpoint(method="POST")(lambda: 1), "@fastapi_endpoint")
    assert old.web == intermodal.fastapi_endpoint(method="POST")(lambda: 1).web


def test_local_files_that_are_copied() -> None:
    """`copy_local_dir` and `copy_local_file` are the `add_` ones with `copy=True`."""

    def copied(image: intermodal.Image) -> CopyFiles:
        app = intermodal.App("older")
        app.function(serialized=True, image=image, name="files")(lambda: 1)
        (step,) = lower(app).app.functions[0].image.steps
        assert isinstance(step, CopyFiles)
        return step

    image = intermodal.Image.debian_slim()
    old = once(lambda: image.copy_local_dir(".", "/data"), r"add_local_dir\(\.\.\., copy=True\)")
    assert copied(old) == copied(image.add_local_dir(".", "/data", copy=True))
    old = once(lambda: image.copy_local_file("file.txt", "/data/f"), r"add_local_file\(\.\.\., copy=True\)")
    assert copied(old) == copied(image.add_local_file("file.txt", "/data/f", copy=True))


@pytest.mark.parametrize("kind", ["Queue", "Dict"])
def test_lookup_of_objects(kind: str) -> None:
    """`lookup` is `from_name`."""
    found = once(lambda: getattr(intermodal, kind).lookup("n"), rf"{kind}\.lookup\(\).*{kind}\.from_name\(\)")
    assert found.name == "n"


@pytest.mark.parametrize("kind", ["Function", "Cls"])
def test_lookup_of_deployed_code(kind: str) -> None:
    """It looks at once, and so meets here the refusal that `from_name` meets at its first use."""

    def use() -> None:
        with pytest.raises(ConfigError, match="needs a server"):
            getattr(intermodal, kind).lookup("app", "n")

    once(use, rf"{kind}\.lookup\(\).*{kind}\.from_name\(\)")


@pytest.mark.parametrize(
    ("made", "text", "choice"),
    [
        (lambda: gpu.H100(count=4), "H100:4", GpuChoice("H100", 4)),
        (lambda: gpu.A100(size="80GB"), "A100-80GB", GpuChoice("A100-80GB")),
        (lambda: gpu.Any(), "any", GpuChoice(None)),
        (lambda: gpu.T4(), "T4", GpuChoice("T4")),
    ],
)
def test_objects_for_gpus(made: Callable[[], object], text: str, choice: GpuChoice) -> None:
    """`gpu.H100(count=4)` is "H100:4"."""
    request = once(lambda: spec(gpu=made()), f'gpu="{text}"').resources.gpu
    assert request is not None
    assert request.choices == (choice,)


@pytest.mark.parametrize("variable", ["MODAL_ENVIRONMENT", "MODAL_ENV"])
def test_environment_variables(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modal's names; Intermodal's own wins."""
    monkeypatch.setenv(variable, "staging")
    with pytest.warns(DeprecationWarning, match=f"{variable}.*set INTERMODAL_ENVIRONMENT"):
        assert Config.load().environment == "staging"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Config.load().environment == "staging"
    monkeypatch.setenv("INTERMODAL_ENVIRONMENT", "prod")
    assert Config.load().environment == "prod"
