"""`App.lookup(create_if_missing=True)`: sandboxes of plain programs, without a run (app.ephemeral)."""

from __future__ import annotations

import signal
import subprocess

import pytest
from test_server import elsewhere, server
from workplace import Workplace

from intermodal import App
from intermodal.exception import InvalidError, NotFoundError

__all__ = ["server"]  # the fixture

PLAIN = """
    import intermodal

    app = intermodal.App.lookup("plain", create_if_missing=True)
    assert app.app_id is None
    first = intermodal.Sandbox.create(app=app, name="one")
    second = intermodal.Sandbox.create(app=intermodal.App.lookup("plain", create_if_missing=True))
    assert app.app_id.startswith("ap-")
    with first.open("/tmp/word", "w") as file:
        file.write("word")
    assert first.exec("cat", "/tmp/word").stdout.read() == "word"
    assert intermodal.Sandbox.from_name("plain", "one").object_id == first.object_id
    assert [each.object_id for each in intermodal.Sandbox.list()] == [second.object_id, first.object_id]
    assert list(intermodal.Sandbox.list(app_id="ap-other")) == []
    second.terminate()
    print(first.exec("echo", "still here").stdout.read())
"""


def test_a_plain_program_drives_sandboxes(place: Workplace) -> None:
    """What it made ends with it, and its apps of one name are one."""
    place.write("plain.py", PLAIN)
    done = place.run("plain.py")
    assert done.stderr == ""
    assert (done.returncode, done.stdout) == (0, "still here\n\n")


@pytest.mark.one_user
def test_a_server_carries_them_out(server, place: Workplace) -> None:
    """The same program; nothing of it runs there afterwards."""
    place.write("plain.py", PLAIN)
    done = place.run("plain.py", env=elsewhere(server, place))
    assert done.stderr == ""
    assert (done.returncode, done.stdout) == (0, "still here\n\n")


ASYNC = """
    import asyncio, intermodal

    async def main():
        app = await intermodal.App.lookup.aio("async", create_if_missing=True)
        made = await asyncio.gather(*(intermodal.Sandbox.create.aio(app=app) for _ in range(3)))
        assert len({each.object_id.split("-")[1] for each in made}) == 1
        processes = [await each.exec.aio("echo", str(n)) for n, each in enumerate(made)]
        print([await each.stdout.read.aio() for each in processes])

    asyncio.run(main())
"""


def test_async_programs_do_it_at_once(place: Workplace) -> None:
    """Three sandboxes asked for at the same time begin one session."""
    place.write("async.py", ASYNC)
    done = place.run("async.py")
    assert done.stderr == ""
    assert (done.returncode, done.stdout) == (0, "['0\\n', '1\\n', '2\\n']\n")


ENDS = """
    import signal, sys, threading
    import intermodal

    signal.signal(signal.SIGINT, signal.default_int_handler)
    app = intermodal.App.lookup("ends", create_if_missing=True)
    box = intermodal.Sandbox.create(app=app)
    box.exec("setsid", "sleep", "1000")
    process = box.exec("sh", "-c", "trap '' TERM HUP INT; echo ready; sleep 1000", bufsize=1)
    print(next(iter(process.stdout)), end="", flush=True)
    match sys.argv[1]:
        case "raise":
            raise ValueError("mine")
        case "wait":
            process.wait()
        case "thread":
            def work():
                threading.main_thread().join(0.2)
                print(box.exec("echo", "of a thread").stdout.read(), end="", flush=True)
            threading.Thread(target=work).start()
"""


def begun(place: Workplace, how: str) -> subprocess.Popen[str]:
    """The program, when its sandbox runs."""
    place.write("ends.py", ENDS)
    process = place.start("ends.py", how)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.communicate()
    return process


@pytest.mark.parametrize(
    ("how", "code", "said"), [("return", 0, ""), ("raise", 1, "ValueError: mine"), ("thread", 0, "")]
)
def test_everything_ends_with_the_program(place: Workplace, how: str, code: int, said: str) -> None:
    """Whatever ends its main thread; threads that go on after it can still use sandboxes."""
    process = begun(place, how)
    place.leftovers.note()
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (code, "of a thread\n" if how == "thread" else "")
    assert errors.rstrip().endswith(said)
    assert bool(errors) is bool(said)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_everything_ends_with_a_signal(place: Workplace, how: signal.Signals) -> None:
    """Also where the program cannot know."""
    process = begun(place, "wait")
    place.leftovers.note()
    process.send_signal(how)
    process.communicate(timeout=60)
    assert process.returncode == -how
    place.leftovers.nothing_within(60)


FORKS = """
    import os
    import intermodal

    app = intermodal.App.lookup("forks", create_if_missing=True)
    box = intermodal.Sandbox.create(app=app)
    child = os.fork()
    if not child:
        assert app.app_id is None
        assert intermodal.Sandbox.from_id(box.object_id).exec("true").wait() == 0
        own = intermodal.Sandbox.create(app=app)
        assert own.object_id.split("-")[1] != box.object_id.split("-")[1]
        raise SystemExit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    print(box.exec("echo", "of the parent").stdout.read())
"""


@pytest.mark.one_user
def test_a_forked_child_ends_nothing_of_its_parent(place: Workplace) -> None:
    """It reaches what the parent made, and what it makes itself ends with it."""
    place.write("forks.py", FORKS)
    done = place.run("forks.py")
    assert done.stderr == ""
    assert (done.returncode, done.stdout) == (0, "of the parent\n\n")


BESIDE = """
    import intermodal

    ran, looked_up = intermodal.App("ran"), intermodal.App.lookup("looked-up", create_if_missing=True)

    @looked_up.function(serialized=True)
    def one():
        return 1

    lasting = intermodal.Sandbox.create(app=looked_up)
    try:
        one.remote()
    except intermodal.exception.InvalidError as error:
        print("app.run()" in str(error))
    with ran.run():
        box = intermodal.Sandbox.create(app=ran)
        assert box.exec("echo", "x").stdout.read() == lasting.exec("echo", "x").stdout.read() == "x\\n"
        assert {each.object_id for each in intermodal.Sandbox.list()} == {box.object_id, lasting.object_id}
        with looked_up.run():
            print(one.remote())
            assert intermodal.Sandbox.create(app=ran).object_id.split("-")[1] == box.object_id.split("-")[1]
    print(lasting.poll())
"""


@pytest.mark.one_user
def test_runs_and_apps_that_were_looked_up_go_side_by_side(place: Workplace) -> None:
    """Each sandbox is found, whatever runs; functions need a run as ever."""
    place.write("beside.py", BESIDE)
    done = place.run("beside.py")
    assert done.stderr == ""
    assert (done.returncode, done.stdout) == (0, "True\n1\nNone\n")


AGAIN = """
    import os
    import intermodal

    app = intermodal.App.lookup("again", create_if_missing=True)
    os.environ["INTERMODAL_BACKEND"] = "none-such"
    try:
        intermodal.Sandbox.create(app=app)
    except intermodal.exception.BackendNotFoundError:
        os.environ["INTERMODAL_BACKEND"] = "local"
    print(intermodal.Sandbox.create(app=app).exec("echo", "here").stdout.read())
"""


@pytest.mark.one_user
def test_what_could_not_begin_may_be_tried_again(place: Workplace) -> None:
    """The error says why, and the next use begins anew."""
    place.write("again.py", AGAIN)
    done = place.run("again.py")
    assert done.stderr == ""
    assert (done.returncode, done.stdout) == (0, "here\n\n")


@pytest.mark.one_user
def test_an_app_that_is_not_there() -> None:
    """Says what to do; and so does one that neither runs nor was looked up, where a sandbox is made of it."""
    with pytest.raises(NotFoundError, match="create_if_missing=True"):
        App.lookup("missing")
    with pytest.raises(InvalidError, match="name"):
        App.lookup("no name", create_if_missing=True)
