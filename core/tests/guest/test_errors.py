"""What goes wrong in user code reaches the host whole (call.errors, image.environment)."""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path
from typing import Any

import pytest

from intermodal.guest.errors import describe
from intermodal.specs.status import ERROR, OK
from intermodal.wire.raised import Raised

from .harness import Host


def error_of(host: Host, *arguments: Any) -> Raised:
    status, error = host.run(*arguments)
    assert status == ERROR
    assert isinstance(error, Raised)
    return error


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("sys.exit(3)", SystemExit),
        ("raise KeyboardInterrupt", KeyboardInterrupt),
        ("raise GeneratorExit", GeneratorExit),
    ],
)
def test_what_would_end_an_interpreter_is_only_a_result(tmp_path: Path, statement: str, kind: type) -> None:
    """The guest serves the next input."""
    for head in ("def", "async def"):
        with Host(tmp_path, f"import sys\n{head} f(x):\n    if x: {statement}\n    return 'alive'") as host:
            from intermodal.specs import MethodSpec

            host.start(methods=(MethodSpec(is_async=head != "def"),))
            assert type(pickle.loads(error_of(host, True).exception)) is kind
            assert host.run(False) == (OK, "alive")


def test_the_import_machinery_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a module that fails while it is imported, its own line is the one to see."""
    (tmp_path / "fails_early.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ZeroDivisionError) as caught:
        importlib.import_module("fails_early")
    shown = describe(caught.value).traceback
    assert "fails_early.py" in shown
    assert "importlib/__init__" not in shown
    assert "<frozen" not in shown


def test_an_unpicklable_result_names_its_type(tmp_path: Path) -> None:
    """It is a typed error of that input (call.identity)."""
    with Host(tmp_path, "import threading\ndef f(x): return threading.Lock() if x else 1") as host:
        host.start()
        error = error_of(host, True)
        assert error.error == "intermodal.exception.SerializationError"
        assert "f()" in error.message
        assert "lock" in error.message
        assert host.run(False) == (OK, 1)


def test_an_argument_that_cannot_be_read_fails_its_input_only(tmp_path: Path) -> None:
    """Others of the same frame are not affected."""
    from intermodal.wire.payload import dumps

    with Host(tmp_path, "def f(x): return x") as host:
        host.start()
        good = dumps(((1,), {}), None)
        first, second, third = host.inputs(payloads=[good, b"\0garbage", good])
        assert host.result(second)[1].error == "intermodal.exception.DeserializationError"
        assert host.result(first) == host.result(third) == (OK, 1)


def test_an_exception_that_cannot_be_rebuilt_comes_without_its_pickle(tmp_path: Path) -> None:
    """Its type, message and traceback still do."""
    source = """
        import threading
        class Odd(Exception):
            def __init__(self, a, b):
                super().__init__(f"{a} and {b}")
                self.lock = threading.Lock()
        def f(): raise Odd(1, 2)
    """
    with Host(tmp_path, source) as host:
        host.start()
        error = error_of(host)
        assert (error.error, error.message, error.exception) == ("user_module.Odd", "1 and 2", None)
        assert "Odd: 1 and 2" in error.traceback


def test_an_exception_with_a_constructor_of_its_own_is_rebuilt(tmp_path: Path) -> None:
    """Though nobody knows the arguments it was made with."""
    source = """
        from zipfile import BadZipFile
        class Odd(BadZipFile):
            def __init__(self, a, b):
                super().__init__(f"{a} and {b}")
        def f(): raise Odd(1, 2)
    """
    with Host(tmp_path, source) as host:
        host.start()
        error = error_of(host)
        assert (error.error, error.message) == ("user_module.Odd", "1 and 2")
        assert error.exception is not None


def test_chained_causes_are_in_the_text(tmp_path: Path) -> None:
    """With their own tracebacks."""
    source = """
        def inner(): {}["key"]
        def f():
            try: inner()
            except KeyError as error: raise RuntimeError("outer") from error
    """
    with Host(tmp_path, source) as host:
        host.start()
        text = error_of(host).traceback
        assert "KeyError: 'key'" in text
        assert "in inner" in text
        assert "direct cause" in text
        assert "intermodal/guest" not in text


def test_a_missing_module_names_the_image_method(tmp_path: Path) -> None:
    """At import of the user's module the container fails for good; within an input, that input does."""
    with Host(tmp_path, "import yaml_of_nowhere\ndef f(): pass") as host:
        header, error = host.fails_to_start()
        assert (header["fatal"], header["kind"]) == (True, "import")
        assert ".pip_install('yaml_of_nowhere')" in header["text"]  # which a deployer hears
        assert error.error == "ModuleNotFoundError"
        assert ".pip_install('yaml_of_nowhere')" in error.message
        assert ".add_local_python_source('yaml_of_nowhere')" in error.message
        assert host.process.wait(20) == 1
    with Host(tmp_path, "def f(): import yaml_of_nowhere.sub") as host:
        host.start()
        error = error_of(host)
        assert ".pip_install('yaml_of_nowhere')" in error.message
        assert pickle.loads(error.exception).name == "yaml_of_nowhere"


def test_a_failing_module_fails_the_container(tmp_path: Path) -> None:
    """What the user's module raises at import is the failure, SystemExit too."""
    for statement in ("1 / 0", "raise SystemExit(2)"):
        with Host(tmp_path, f"print('about to fail')\n{statement}\ndef f(): pass") as host:
            header, error = host.fails_to_start()
            assert header["fatal"]
            assert "user_module.py" in error.traceback
            assert host.logs == [(1, 0, "about to fail\n")]


def test_an_unknown_name_says_where_it_looked(tmp_path: Path) -> None:
    """The module's file and what to do."""
    with Host(tmp_path, "def g(): pass") as host:
        _, error = host.fails_to_start("f")
        assert "has no 'f'" in error.message
        assert "user_module.py" in error.message


def test_an_unknown_method_fails_its_input(tmp_path: Path) -> None:
    """And names those that exist."""
    with Host(tmp_path, "def f(): pass") as host:
        host.start()
        status, error = host.run(method="nope")
        assert status == ERROR
        assert "'nope'" in error.message


def test_pickled_code_of_another_python_is_refused(tmp_path: Path) -> None:
    """Naming both versions."""
    with Host(tmp_path) as host:
        _, error = host.fails_to_start(code=lambda: 1, python="3.2")
        assert error.error == "intermodal.exception.VersionError"
        assert "3.2" in error.message


def test_pickled_code_runs(tmp_path: Path) -> None:
    """Code without a source travels by value."""
    offset = 40
    with Host(tmp_path) as host:
        host.start(code=lambda x: x + offset)
        assert host.run(2) == (OK, 42)


def test_a_main_script_keeps_its_classes_identity(tmp_path: Path) -> None:
    """What the client pickled as `__main__.Point` is the module's `Point` in the container."""
    source = """
        class Point:
            def __init__(self, x): self.x = x
        def f(point): return point.x, type(point) is Point, __name__
    """
    with Host(tmp_path, source) as host:
        host.start(main=True)
        # What pickle writes for __main__.Point with x = 5, in a tuple with empty kwargs.
        payload = b"\0" + b"((c__main__\nPoint\n)\x81}X\x01\x00\x00\x00xK\x05sbt}t."
        (attempt,) = host.inputs(payloads=[payload])
        assert host.result(attempt) == (OK, (5, True, "user_module"))
