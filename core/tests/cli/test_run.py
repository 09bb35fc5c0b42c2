"""`intermodal run` on a backend of plain processes: choice, options, output, failures, exit codes, signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

APP = '''
import intermodal
app = intermodal.App("demo")

@app.function()
def square(n: int) -> int:
    print("squaring", n)
    return n * n

@app.function()
def fail(n: int = 1):
    raise ValueError(f"no {n}")

@app.function()
def count(n: int):
    yield from range(n)

@app.cls()
class Greeter:
    word: str = intermodal.parameter(default="hi")

    @intermodal.method()
    def greet(self, name: str) -> str:
        return f"{self.word} {name}"

@app.local_entrypoint()
def main(n: int = 3, loud: bool = False):
    """Square things."""
    print("sum", sum(square.map(range(n))), loud)
'''


@pytest.fixture
def environment(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """With the backend `plain` of the driver's tests installed and chosen."""
    site = tmp_path / "site"
    info = site / "plain_backend-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plain-backend\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[intermodal.backends]\nplain = plain_backend\n")
    path = os.pathsep.join([str(site), str(Path(__file__).parent.parent / "driver")])
    return {**environment, "PYTHONPATH": path, "INTERMODAL_BACKEND": "plain"}


@pytest.fixture(autouse=True)
def app_file(tmp_path: Path) -> Path:
    """The user's file."""
    path = tmp_path / "demo.py"
    path.write_text(APP)
    return path


def test_the_only_entrypoint_runs_with_typed_options(cli) -> None:
    """User output on stdout: the entrypoint's plain, containers' with their names; exit code 0."""
    done = cli("run", "demo.py", "--n", "4", "--loud")
    assert done.returncode == 0, done.stderr
    assert "sum 14 True\n" in done.stdout
    assert sum(" | squaring " in line for line in done.stdout.splitlines()) == 4
    assert "squaring" not in done.stderr


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["demo.py::square", "--n", "5"], "25\n"),
        (["demo.py::count", "--n", "3"], "0\n1\n2\n"),
        (["demo.py::Greeter.greet", "--name", "you", "--word", "hello"], "hello you\n"),
        (["-m", "demo::square", "--n", "6"], "36\n"),
        (["demo.py::square", "--n", "2", "--backend", "plain"], "4\n"),
    ],
)
def test_functions_generators_and_methods_run_in_containers(cli, words, shown) -> None:
    """Their values are printed; settings may stand after the file."""
    done = cli("run", "-q", *words)
    assert done.returncode == 0, done.stderr
    values = [line for line in done.stdout.splitlines(keepends=True) if " | " not in line]
    assert "".join(values) == shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["demo.py::squar", "--n", "5"], "did you mean 'square'"),
        (["demo.py", "--n", "many"], "'many' is not a valid int"),
        (["demo.py::square"], "Missing option '--n'"),
        (["demo.py", "--m", "1"], "No such option"),
        (["demo"], "did you mean demo.py?"),
        (["-m", "no_such_module"], "there is no module 'no_such_module'"),
    ],
)
def test_wrong_usage_is_said_and_exits_2(cli, words, message) -> None:
    """Before anything is started."""
    done = cli("run", *words)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert message in done.stderr


def test_help_of_a_file_lists_its_options(cli) -> None:
    """With the docstring and defaults."""
    shown = cli("run", "demo.py", "--help").stdout
    for text in ("Square things.", "--n INT", "[default: 3]", "--loud / --no-loud"):
        assert text in shown


def test_a_remote_exception_shows_both_ends_and_exits_1(cli) -> None:
    """The container's traceback and its line; none of our own frames."""
    done = cli("run", "-q", "demo.py::fail", "--n", "7")
    assert done.returncode == 1
    assert "In the container:" in done.stderr
    assert 'raise ValueError(f"no {n}")' in done.stderr
    assert done.stderr.rstrip().endswith("ValueError: no 7")
    assert "/intermodal/cli/" not in done.stderr


def test_a_script_of_its_own_sees_the_remote_traceback_and_its_own_line(environment, tmp_path: Path) -> None:
    """Not the way through our code (call.identity)."""
    (tmp_path / "script.py").write_text("import demo\nwith demo.app.run():\n    demo.fail.remote(7)\n")
    words = [sys.executable, "script.py"]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    remote, ours = done.stderr.split("The above exception was the direct cause of the following exception:")
    assert remote.count('File "') == 1
    assert 'raise ValueError(f"no {n}")' in remote
    assert ours.split("\n")[3].strip().startswith(f'File "{tmp_path}/script.py", line 3')
    assert ours.count('File "') <= 3
    assert done.stderr.rstrip().endswith("ValueError: no 7")


def test_a_syntax_error_is_shown_as_python_shows_it(cli, app_file: Path) -> None:
    """Only the user's file and line."""
    app_file.write_text("x = (\n")
    done = cli("run", "demo.py")
    assert done.returncode == 1
    assert done.stderr.lstrip().startswith(f'File "{app_file}", line 1')
    assert done.stderr.rstrip().endswith("SyntaxError: '(' was never closed")


def test_a_syntax_error_in_a_container_shows_where_it_was(cli, app_file: Path) -> None:
    """It is no error of the file: the container's traceback has the user's line."""
    app_file.write_text(APP.replace('raise ValueError(f"no {n}")', 'eval("1 +")'))
    done = cli("run", "-q", "demo.py::fail")
    assert done.returncode == 1
    assert "In the container:" in done.stderr
    assert 'eval("1 +")' in done.stderr


def test_an_older_spelling_in_the_file_is_said_once(cli, app_file: Path) -> None:
    """Python hides deprecations outside `__main__`, and the user's file is as good as that; `-W` has the last word."""
    app_file.write_text(APP.replace("@app.function()", "@app.function(keep_warm=0)", 1))
    done = cli("run", "-q", "demo.py")
    assert done.returncode == 0
    assert done.stderr.count("keep_warm=) is an older spelling: write min_containers=") == 1
    assert f"{app_file}:5" in done.stderr
    assert "older" not in cli("run", "-q", "demo.py", env={"PYTHONWARNINGS": "ignore"}).stderr


def test_a_module_that_does_not_import_shows_the_users_frames_only(cli, app_file: Path) -> None:
    """With -m too: not those of importlib."""
    app_file.write_text("import no_such_thing\n")
    done = cli("run", "-m", "demo")
    assert done.returncode == 1
    assert done.stderr.count('File "') == 1


def test_an_error_while_importing_shows_the_users_frames_only(cli, app_file: Path) -> None:
    """As python FILE would."""
    app_file.write_text("def f():\n    return 1 / 0\nf()\n")
    done = cli("run", "demo.py")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert done.stderr.count('File "') == 2


def test_several_functions_without_entrypoint_must_be_chosen(cli, app_file: Path) -> None:
    """The error lists them; a single one would run."""
    app_file.write_text(APP.partition("@app.local_entrypoint()")[0])
    done = cli("run", "demo.py")
    assert done.returncode == 2
    assert "choose one with demo.py::NAME. Names: square, fail, count, Greeter.greet" in done.stderr


def test_sys_exit_of_the_entrypoint_is_the_exit_code(cli, app_file: Path) -> None:
    """Scripts can rely on it."""
    app_file.write_text(APP + "    import sys; sys.exit(7)\n")
    assert cli("run", "demo.py").returncode == 7


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("place", ["remote", "local", "stubborn"])
def test_signals_end_everything_within_two_seconds(environment, tmp_path, signum, code, place) -> None:
    """Waiting for a container, in the user's own loop, and in code that swallows KeyboardInterrupt."""
    (tmp_path / "slow.py").write_text(
        "import time, os, intermodal\n"
        "app = intermodal.App('slow')\n"
        "@app.function()\n"
        "def sleep(path: str):\n"
        "    open(path, 'w').write(str(os.getpid()))\n"
        "    time.sleep(60)\n"
        "@app.local_entrypoint()\n"
        "def main(path: str, place: str):\n"
        "    if place == 'remote':\n"
        "        sleep.remote(path)\n"
        "    sleep.spawn(path)\n"
        "    while True:\n"
        "        try:\n"
        "            time.sleep(60)\n"
        "        except KeyboardInterrupt:\n"
        "            if place != 'stubborn':\n"
        "                raise\n"
    )
    mark = tmp_path / "started"
    words = ["run", "slow.py", "--path", str(mark), "--place", place]
    process = subprocess.Popen(
        [sys.executable, "-m", "intermodal.cli", *words],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (mark.exists() and mark.read_text()):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    began = time.monotonic()
    process.send_signal(signum)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == code, errors
    assert time.monotonic() - began < 2.0
    assert "Traceback" not in errors
    container = int(mark.read_text())
    while time.monotonic() - began < 4.0 and Path(f"/proc/{container}").exists():
        time.sleep(0.01)
    assert not Path(f"/proc/{container}").exists()
