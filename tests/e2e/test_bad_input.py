"""What users get wrong, and what their machine refuses: each error says what happened, where, and what to do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator

import app_bad as m
import pytest
from workplace import Workplace

from intermodal.exception import ImageBuildError, ResourceExhaustedError, SerializationError


@pytest.fixture(scope="module")
def running() -> Iterator[None]:
    with m.app.run():
        yield


class Connection:
    """Something of the user's that holds what cannot travel."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


@pytest.mark.usefixtures("running")
def test_an_unpicklable_argument_is_named() -> None:
    """Which argument, where in it, and what to do instead (call.identity)."""
    with pytest.raises(SerializationError) as caught:
        m.double.remote(1, options={"pool": [Connection()]})
    text = str(caught.value)
    assert "argument 'options' cannot be sent" in text
    assert "_thread.lock, which is ['pool'][0].lock of a dict" in text
    assert "make it inside the function" in text
    with pytest.raises(SerializationError, match="argument 2 cannot be sent"):
        list(m.double.starmap([(1, 2), (1, Connection())]))
    assert m.double.remote(4) == 8


@pytest.mark.usefixtures("running")
def test_an_unpicklable_result_is_named() -> None:
    """Which function returned what; without frames of ours (call.identity)."""
    with pytest.raises(SerializationError) as caught:
        m.holds_a_lock.remote()
    assert "holds_a_lock() returned something that cannot be sent" in str(caught.value)
    assert "_thread.lock, which is ['locks'][0] of a dict" in str(caught.value)
    assert "/intermodal/" not in str(caught.value.__cause__)


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    ("module", "advice"),
    [
        ("yaml", r"add \.pip_install\('pyyaml'\) to the image"),
        ("my_own_helpers", r"\.add_local_python_source\('my_own_helpers'\) where it is your own"),
    ],
)
def test_a_missing_module_names_the_image_method(module: str, advice: str) -> None:
    """image.environment."""
    with pytest.raises(ModuleNotFoundError, match=advice):
        m.imports.remote(module)


@pytest.mark.usefixtures("running")
def test_a_failing_image_step_shows_its_number_and_output() -> None:
    """image.immutable; every call of the function gets it, at once."""
    for _ in range(2):
        with pytest.raises(ImageBuildError) as caught:
            m.needs_failing_image.remote()
        text = str(caught.value)
        assert text.startswith("needs_failing_image: ")
        assert "step 3 of 3 (run_commands echo 'the second step'" in text
        assert "failed: exit code 7" in text
        assert text.splitlines()[-1].strip() == "the second step"


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    ("function", "words"),
    [
        (m.too_much_cpu, r"asks for 100000 cpu cores and there are \d+ in all; ask for less"),
        (m.too_much_memory, r"asks for 1073741824 MiB of memory and there are \d+ MiB in all; ask for less"),
        (m.too_many_gpus, r"asks for GPU B200:8 and the GPUs here are: \w+"),
    ],
)
def test_an_impossible_request_is_refused_with_its_reason(function, words: str) -> None:
    """scale.resources: at once, not waited for."""
    with pytest.raises(ResourceExhaustedError, match=words):
        function.remote()


APP = """
    import intermodal
    app = intermodal.App("mine")

    @app.function()
    def f(x: int = 1):
        return x

    @app.function()
    def other(x: int = 1):
        return x
"""


def test_names_that_clash_are_refused_with_both_places(place: Workplace) -> None:
    """Two functions of one name: where each is, and how to give it another."""
    file = place.write("twice.py", APP.replace("def other", "def f"))
    done = place.intermodal("run", "twice.py::f")
    assert done.returncode == 1
    assert f"two functions of app 'mine' are named 'f': at {file}:5 and at {file}:9" in done.stderr
    assert "@app.function(name=...)" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["mine.py::g"], 2, "no function or entrypoint 'g'. Names: f, other"),
        (["mine.py"], 2, "choose one with mine.py::NAME. Names: f, other"),
        (["mine.py::f", "--x", "many"], 2, "Invalid value for '--x': 'many' is not a valid int"),
        (["mine.py::f", "--y", "1"], 2, "No such option"),
        (["wrong.py"], 1, "def f(x)\n            ^\nSyntaxError: expected ':'"),
        (["nowhere.py"], 2, "there is no file 'nowhere.py'"),
        (["mine.py::f", "--backend", "kubernets"], 1, "kubernets"),
    ],
)
@pytest.mark.one_user
def test_a_wrong_command_line_or_file(place: Workplace, words: list[str], code: int, message: str) -> None:
    """What is wrong, what there is instead; nothing is started."""
    place.write("mine.py", APP)
    place.write("wrong.py", "import intermodal\ndef f(x)\n    return x\n")
    done = place.intermodal("run", *words)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


SOME_WORK = """
    import intermodal
    app = intermodal.App("work")

    @app.function()
    def work():
        return "worked"

    @app.function()
    def fill():
        with open("/root/filled", "wb") as file:
            for _ in range(1000):
                file.write(bytes(1 << 20))
"""


@pytest.fixture
def small_disk(place: Workplace, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Settings with a data directory on a file system of its own, as large as the parameter says."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    disk = place.directory / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={request.param}", "none", disk], check=True)
    try:
        yield {"INTERMODAL_DATA_DIR": str(disk)}
        assert list((disk / "local" / "runs").glob("*")) == []
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("small_disk", ["64k", "1m", "4m"], indirect=True)
def test_no_space_for_what_a_session_keeps(place: Workplace, small_disk: dict[str, str]) -> None:
    """Code, the base of containers: which disk is full, and how to make room."""
    place.write("work.py", SOME_WORK)
    done = place.intermodal("run", "work.py::work", env=small_disk)
    assert done.returncode == 1
    said = f": no space is left on the disk of {place.directory}/disk"
    assert re.match(f"error(: work)?{re.escape(said)}", done.stderr.splitlines()[-1])
    assert "intermodal image prune" in done.stderr
    assert "INTERMODAL_DATA_DIR" in done.stderr


@pytest.mark.parametrize("small_disk", ["64m"], indirect=True)
def test_no_space_for_what_a_function_writes(place: Workplace, small_disk: dict[str, str]) -> None:
    """The function gets the operating system's error; what it wrote is gone with its container."""
    place.write("work.py", SOME_WORK)
    done = place.intermodal("run", "work.py::fill", env=small_disk)
    assert done.returncode == 1
    assert "file.write(bytes(1 << 20))" in done.stderr
    assert "OSError: [Errno 28] No space left on device" in done.stderr
    assert place.intermodal("run", "-q", "work.py::work", env=small_disk).stdout == "worked\n"


@pytest.mark.parametrize("where", ["file/data", "/proc/data"])
@pytest.mark.one_user
def test_a_data_directory_that_cannot_be_written(place: Workplace, where: str) -> None:
    """Which one, why, and where it is set."""
    place.write("file", "")
    place.write("work.py", SOME_WORK)
    done = place.intermodal("run", "work.py::work", env={"INTERMODAL_DATA_DIR": where})
    assert done.returncode == 1
    assert "error: the data directory " in done.stderr
    assert "INTERMODAL_DATA_DIR" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(shutil.which("unshare") is None, reason="util-linux is not installed")
def test_no_permission_for_namespaces(place: Workplace) -> None:
    """A user whose limit of user namespaces is 0: the switch to change, and the way around, which works."""
    place.write("work.py", SOME_WORK)
    refuse = 'echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --bounding-set=-all --inh-caps=-all "$@"'
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", refuse, "-", sys.executable, "-m", "intermodal.cli"]

    def run(**settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, "run", "-q", "work.py::work"],
            cwd=place.directory, env={**place.environment, **settings}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = run()
    assert done.returncode == 1
    assert "this host refuses the namespaces that containers are made of" in done.stderr
    assert "sysctl -w user.max_user_namespaces" in done.stderr
    assert 'isolation = "process"' in done.stderr
    around = run(INTERMODAL_LOCAL_ISOLATION="process")
    assert (around.returncode, around.stdout) == (0, "worked\n"), around.stderr
