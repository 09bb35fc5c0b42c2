"""What somebody who comes from Modal, or mistypes, is told at the definition."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

import intermodal
from intermodal.definitions.schedules import warn_of_schedules
from intermodal.exception import InvalidError

app = intermodal.App("first-errors")


@app.cls()
class Model:
    """A class with a parameter and a method."""

    size: int = intermodal.parameter(default=1)

    @intermodal.method()
    def predict(self, x: int) -> int:
        """Double `x`."""
        return 2 * x

    def plain(self) -> str:
        """No method for containers."""
        return "plain"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("NetworkFileSystem", "no NetworkFileSystem.*Volume"),
        ("Mount", "add_local_dir"),
        ("Stub", "write App"),
        ("build", "run_function"),
        ("Sandbx", "has no attribute 'Sandbx'"),
    ],
)
def test_a_name_of_modal_that_is_not_here_says_what_to_do(name: str, says: str) -> None:
    """It is an AttributeError, so that `hasattr` still works."""
    with pytest.raises(AttributeError, match=says):
        getattr(intermodal, name)
    assert not hasattr(intermodal, name)


@pytest.mark.parametrize("version", ["3.9", "3.6.1", "2.7", "4.0"])
def test_a_python_that_containers_cannot_run_is_refused_at_once(version: str) -> None:
    """Not by a traceback of a container that did not start (image.steps)."""
    with pytest.raises(InvalidError, match=r"3\.10 or newer"):
        intermodal.Image.debian_slim(python_version=version)


def test_calling_a_method_plainly_shows_how_to_write_it() -> None:
    """With an object in the example, as it has to be."""
    with pytest.raises(InvalidError, match=r"Model\(\)\.predict\.remote\(\.\.\.\)"):
        Model().predict(1)


def test_a_parameter_of_another_type_is_refused_in_english() -> None:
    """cls.parameters."""
    with pytest.raises(InvalidError, match="takes an int"):
        Model(size="big")  # type: ignore[arg-type]


def test_a_warning_about_a_schedule_points_at_the_function(tmp_path: Path) -> None:
    """Not at a line of this package."""
    scheduled = intermodal.App("scheduled")

    @scheduled.function(schedule=intermodal.Cron("0 9 * * *"), serialized=True)
    def nightly() -> None: ...

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_schedules(scheduled.registered)
    assert [(each.filename, "'nightly' has a schedule" in str(each.message)) for each in caught] == [(__file__, True)]


def test_a_shell_completes_methods_and_parameters() -> None:
    """`dir()` of a class and of its objects."""
    assert {"predict", "plain", "size"} <= set(dir(Model()))
    assert {"with_options", "predict"} <= set(dir(Model))


def test_help_of_a_blocking_method_is_its_own() -> None:
    """Not that of what it is made with."""
    assert "Run it in a container" in (Model().predict.remote.__doc__ or "")
    assert Model().predict.remote.__name__ == "remote"


def test_gather_is_found_where_modal_has_it() -> None:
    """`FunctionCall.gather` is `gather` (call.spawn)."""
    assert intermodal.FunctionCall.gather is intermodal.gather


def test_an_empty_name_is_not_the_apps_own() -> None:
    """As a script gives that lost its variable."""
    with pytest.raises(InvalidError, match="'' cannot be the name of an app"):
        app.deploy(name="")


def test_a_call_without_inputs_has_no_value() -> None:
    """All its values are a list with nothing in it."""
    call: intermodal.FunctionCall[int] = intermodal.FunctionCall("fc-none", inputs=0)
    assert call.get_all() == []
    with pytest.raises(InvalidError, match="call fc-none has no inputs"):
        call.get()
