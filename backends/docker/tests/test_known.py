"""An engine is asked once what it is; a later session remembers, as long as nothing has changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from intermodal_docker.engine import Engine, EngineInfo, EngineUnavailable
from intermodal_docker.known import known_info


@pytest.fixture
def asked(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[EngineInfo]:
    """Each answer of the engine to that question."""
    answers: list[EngineInfo] = []
    ask: Callable[[], EngineInfo] = engine.info

    def info() -> EngineInfo:
        answers.append(ask())
        return answers[-1]

    monkeypatch.setattr(engine, "info", info)
    return answers


def remembered(data_dir: Path, engine: Engine) -> Path:
    """The one file."""
    (file,) = (data_dir / engine.name / "known").iterdir()
    return file


def test_the_answer_is_remembered(engine: Engine, asked: list[EngineInfo], tmp_path: Path) -> None:
    """The second time nobody is asked, and it is the same."""
    first = known_info(engine, tmp_path)
    assert known_info(engine, tmp_path) == first
    assert asked == [first]


@pytest.mark.parametrize("change", ["marks", "at", "info", "all"])
def test_what_does_not_hold_any_more_is_asked_anew(
    change: str, engine: Engine, asked: list[EngineInfo], tmp_path: Path
) -> None:
    """Another release, socket or machine; an answer of long ago, of another version, or half of one."""
    first = known_info(engine, tmp_path)
    file = remembered(tmp_path, engine)
    told = json.loads(file.read_text())
    changed = {"marks": [*told["marks"][:-1], 1], "at": told["at"] - 10**6, "info": {"version": "1"}}
    file.write_text("{" if change == "all" else json.dumps({**told, change: changed[change]}))
    assert known_info(engine, tmp_path) == first
    assert len(asked) == 2
    assert known_info(engine, tmp_path) == first
    assert len(asked) == 2


def test_where_nothing_can_be_written_the_engine_is_asked(
    engine: Engine, asked: list[EngineInfo], tmp_path: Path
) -> None:
    """A file stands in the way."""
    (tmp_path / engine.name).write_text("")
    assert known_info(engine, tmp_path) == known_info(engine, tmp_path)
    assert len(asked) == 2


def test_an_engine_that_does_not_run_is_no_memory(engine: Engine, tmp_path: Path) -> None:
    """Whatever is remembered, the session says that it is not there."""
    absent = type(engine)(f"unix://{tmp_path}/engine.sock")  # type: ignore[call-arg]
    with pytest.raises(EngineUnavailable):
        known_info(absent, tmp_path)
