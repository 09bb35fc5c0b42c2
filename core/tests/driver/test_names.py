"""Named objects belong to an environment, and what older programs say of a running function still works."""

from __future__ import annotations

import asyncio

import pytest

import intermodal
from intermodal.definitions import spellings
from intermodal.exception import DeprecationWarning, NotFoundError


def first() -> str:
    return "ran"


def fill() -> int:
    queue = intermodal.Queue.from_name("tasks", create_if_missing=True)
    queue.put("from inside")
    return queue.len()


def test_names_belong_to_the_environment_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here and in containers; another environment is named outright; deleted, it is there no more."""
    monkeypatch.setenv("INTERMODAL_ENVIRONMENT", "dev")
    app = intermodal.App("names")
    inside = app.function(serialized=True)(fill)
    with app.run():
        intermodal.Queue.from_name("tasks", create_if_missing=True).put("from outside")
        assert inside.remote() == 2
        assert intermodal.Queue.from_name("tasks", environment_name="dev").len() == 2
        with pytest.raises(NotFoundError, match="environment 'main'"):
            intermodal.Queue.from_name("tasks", environment_name="main").len()
        asyncio.run(intermodal.Queue.delete.aio("tasks"))
        with pytest.raises(NotFoundError, match="environment 'dev'"):
            intermodal.Queue.delete("tasks")


def test_keep_warm_of_a_running_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """The older spelling of `update_autoscaler`, plainly and at `.aio`."""
    monkeypatch.setattr(spellings, "_warned", set())
    app = intermodal.App("warm")
    function = app.function(serialized=True)(first)
    with app.run():
        with pytest.warns(DeprecationWarning, match=r"update_autoscaler\(min_containers=\.\.\.\)") as caught:
            function.keep_warm(1)
        assert [warning.filename for warning in caught] == [__file__]
        asyncio.run(function.keep_warm.aio(0))
        assert function.remote() == "ran"
