"""Where user code may live: a script, a module, a package, a test, a thread, a notebook (architecture: source)."""

from __future__ import annotations

import glob
import json
import os
import sys
from pathlib import Path

import pytest
from workplace import Workplace

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


#: A program whose own class, exception and constant travel both ways.
PROGRAM = """
    import dataclasses
    import intermodal

    app = intermodal.App("own-types")

    @dataclasses.dataclass
    class Point:
        x: int
        y: int = 0

    class Refusal(Exception):
        pass

    @app.function()
    def mirror(point):
        assert type(point) is Point, (type(point), type(point).__module__)
        if point.x < 0:
            raise Refusal(point)
        return Point(point.y, point.x), Point

    def check():
        value, cls = mirror.remote(Point(1, 2))
        assert type(value) is Point and cls is Point and value == Point(2, 1)
        try:
            mirror.remote(Point(-1))
        except Refusal as refusal:
            assert type(refusal.args[0]) is Point
        else:
            raise AssertionError("nothing was raised")
        assert [v.x for v, _ in mirror.map([Point(0, n) for n in range(20)])] == list(range(20))
        print("one identity")
"""
AS_SCRIPT = """
    if __name__ == "__main__":
        with app.run():
            check()
"""
AS_ENTRYPOINT = """
    @app.local_entrypoint()
    def main():
        check()
"""


def _checked(done) -> None:
    assert done.returncode == 0, done.stderr
    assert "one identity" in done.stdout


def test_a_script_keeps_the_identity_of_its_classes(place: Workplace) -> None:
    """What is defined in `__main__` is one class at both ends: instances, exceptions, the class itself."""
    place.write("a-script.py", PROGRAM + AS_SCRIPT)
    _checked(place.run("a-script.py"))


def test_a_script_run_from_elsewhere_finds_its_neighbours(place: Workplace) -> None:
    """Modules beside the script are shipped, and what they import."""
    place.write("sub/helper.py", "from deeper import two\nVALUE = 20 + two.TWO\n")
    place.write("sub/deeper/__init__.py", "")
    place.write("sub/deeper/two.py", "TWO = 2\n")
    place.write(
        "sub/script.py",
        """
        import intermodal, helper
        app = intermodal.App("neighbours")

        @app.function()
        def value():
            return helper.VALUE

        if __name__ == "__main__":
            with app.run():
                print("value", value.remote())
        """,
    )
    done = place.run("sub/script.py")
    assert done.returncode == 0, done.stderr
    assert "value 22" in done.stdout


def test_the_command_keeps_the_identity_of_its_files_classes(place: Workplace) -> None:
    """`intermodal run FILE`."""
    place.write("program.py", PROGRAM + AS_ENTRYPOINT)
    _checked(place.intermodal("run", "program.py"))


@pytest.mark.one_user
@pytest.mark.parametrize("name", ["pack.program", "pack.inner.program"])
def test_modules_of_packages_run_by_name(place: Workplace, name: str) -> None:
    """`intermodal run -m` and `python -m`, with relative imports; the whole package is shipped, data included."""
    place.write("pack/__init__.py", "")
    place.write("pack/inner/__init__.py", "")
    place.write("pack/words.txt", "some words")
    dots = "." * name.count(".")
    place.write(
        "pack/values.py", "from pathlib import Path\nWORDS = Path(__file__).with_name('words.txt').read_text()\n"
    )
    body = (
        f"from {dots}values import WORDS\n"
        + "\n".join(line[4:] for line in PROGRAM.splitlines())
        + "\n@app.function()\ndef words():\n    return WORDS\n"
        + "def all_of_it():\n    check()\n    assert words.remote() == 'some words'\n"
        + "@app.local_entrypoint()\ndef main():\n    all_of_it()\n"
        + "if __name__ == '__main__':\n    with app.run():\n        all_of_it()\n"
    )
    place.write(f"{name.replace('.', '/')}.py", body)
    _checked(place.run("-m", name))
    _checked(place.intermodal("run", "-m", name))


def test_a_package_run_as_a_program(place: Workplace) -> None:
    """`python -m PACKAGE` runs its `__main__.py`."""
    place.write("tool/__init__.py", "")
    place.write("tool/__main__.py", PROGRAM + AS_SCRIPT)
    _checked(place.run("-m", "tool"))


@pytest.mark.one_user
def test_functions_of_a_test_file_under_pytest(place: Workplace) -> None:
    """The user's own tests call functions that are defined in them."""
    place.write(
        "test_mine.py",
        PROGRAM
        + """
    def test_all():
        with app.run():
            check()
    """,
    )
    done = place.run("-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "test_mine.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "one identity" in done.stdout


def test_functions_are_called_and_apps_run_from_worker_threads(place: Workplace) -> None:
    """The app runs in one thread, its functions are called from others, and a second app beside it."""
    place.write(
        "threads.py",
        """
        import threading
        from concurrent.futures import ThreadPoolExecutor
        import intermodal

        app, other = intermodal.App("one"), intermodal.App("two")

        @app.function()
        def double(x):
            return 2 * x

        @other.function()
        def triple(x):
            return 3 * x

        def work():
            with app.run(), ThreadPoolExecutor(8) as pool:
                assert list(pool.map(double.remote, range(50))) == [2 * n for n in range(50)]

        if __name__ == "__main__":
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            with other.run():
                print("three", triple.remote(1))
        """,
    )
    done = place.run("threads.py")
    assert done.returncode == 0, done.stderr
    assert "three 3" in done.stdout


NOTEBOOK = [
    "import dataclasses, intermodal\napp = intermodal.App('cells')\nFACTOR = 2",
    "@dataclasses.dataclass\nclass Point:\n    x: int",
    "def helper(p):\n    return Point(FACTOR * p.x)\n",
    "@app.function()\ndef scale(point):\n    assert type(point) is Point\n    return helper(point)",
    "with app.run():\n    value = scale.remote(Point(4))\n    assert type(value) is Point\n    print('cell', value.x)",
    # A cell runs inside an event loop.
    "async with app.run():\n    print([p.x async for p in scale.map.aio([Point(1), Point(2)])])",
    # Cells run again with other code, as people do.
    "FACTOR = 10\n@app.function()\ndef scale(point):\n    return helper(point)",
    "async with app.run():\n    print('async', (await scale.remote.aio(Point(4))).x)",
]


@pytest.mark.one_user
def test_a_notebook(place: Workplace) -> None:
    """A real Jupyter kernel: functions and classes of cells, sync and async, and a cell that is run again."""
    place.write(
        "run_notebook.py",
        f"""
        import nbformat
        from nbclient import NotebookClient

        cells = [nbformat.v4.new_code_cell(text) for text in {NOTEBOOK!r}]
        notebook = nbformat.v4.new_notebook(cells=cells)
        NotebookClient(notebook, timeout=100, kernel_name="python3").execute()
        for cell in notebook.cells:
            for output in cell.outputs:
                print(output.get("text", output))
        """,
    )
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel = {"argv": argv, "display_name": "Python", "language": "python"}
    place.write("kernels/python3/kernel.json", json.dumps(kernel))
    env = {"PYTHONWARNINGS": "ignore", "JUPYTER_PATH": str(place.directory), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    done = place.run("run_notebook.py", env=env)
    assert done.returncode == 0, done.stderr
    assert "cell 8\n\n[2, 4]\n" in done.stdout
    assert "async 40\n" in done.stdout


def _another_python() -> str | None:
    """The minor version of a Python on this machine that is not this one."""
    places = [
        f"{os.environ.get('PYENV_ROOT', os.path.expanduser('~/.pyenv'))}/versions/3.*/bin",
        "/usr/bin",
        "/usr/local/bin",
    ]
    found = {
        Path(path).name.removeprefix("python")
        for place in places
        for path in glob.glob(f"{place}/python3.1[0-9]")
        if os.access(path, os.X_OK)
    }
    return min(found - {HERE}, default=None)


@pytest.mark.skipif(_another_python() is None, reason="there is one Python only, and fetching another takes its time")
def test_code_typed_in_needs_the_same_python_inside(place: Workplace) -> None:
    """Code without a file goes by value: another Python in the image is refused, with what to do."""
    other = _another_python()
    code = f"""
import intermodal
app = intermodal.App("typed")
image = intermodal.Image.debian_slim(python_version="{other}")

@app.function(image=image)
def f():
    return 1

with app.run():
    f.remote()
"""
    done = place.run("-c", code)
    assert done.returncode == 1
    assert "VersionError" in done.stderr
    assert f"pickled by Python {HERE}, and the container has {other}" in done.stderr
    assert "put the code into a file" in done.stderr
