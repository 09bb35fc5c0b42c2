"""The guest as a process: how it ends, its signals, its snapshots."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import cloudpickle
import pytest

from intermodal.driver import bundle
from intermodal.specs import CodeTarget, MethodSpec, to_json
from intermodal.specs.status import OK

from .harness import PATIENCE, SOURCE, Host


@pytest.mark.parametrize("busy", [False, True])
@pytest.mark.parametrize(("head", "at_once"), [("def", 1), ("def", 2), ("async def", 1)])
def test_a_guest_ends_when_its_host_is_gone(tmp_path: Path, head: str, at_once: int, busy: bool) -> None:
    """At once, in the middle of user code too."""
    with Host(tmp_path, f"import time\n{head} f(n):\n    print('on')\n    time.sleep(60)") as host:
        host.start(methods=(MethodSpec(is_async=head != "def"),), max_inputs=at_once)
        if busy:
            host.inputs(1)
            host.expect("log")
        host.sock.close()
        assert host.process.wait(PATIENCE) == 70


@pytest.mark.parametrize(("head", "at_once"), [("def", 1), ("def", 2), ("async def", 1)])
def test_sigterm_is_a_stop(tmp_path: Path, head: str, at_once: int) -> None:
    """Idle, it says bye and leaves with code 0."""
    with Host(tmp_path, f"{head} f(): pass") as host:
        host.start(methods=(MethodSpec(is_async=head != "def"),), max_inputs=at_once)
        host.process.send_signal(signal.SIGTERM)
        host.expect("bye")
        assert host.process.wait(PATIENCE) == 0


def test_sigint_of_a_terminal_does_not_end_it(tmp_path: Path) -> None:
    """An idle guest leaves Ctrl-C to its client; running user code sees KeyboardInterrupt."""
    source = """
        import time
        def f(flag):
            if not flag: return "alive"
            open(flag, "w").close()
            time.sleep(60)
    """
    with Host(tmp_path, source) as host:
        host.start()
        host.process.send_signal(signal.SIGINT)
        assert host.run("") == (OK, "alive")
        (attempt,) = host.inputs(str(tmp_path / "flag"))
        host.wait_for_file(tmp_path / "flag")
        host.process.send_signal(signal.SIGINT)
        assert host.result(attempt)[1].error == "KeyboardInterrupt"


def test_a_host_of_another_protocol_is_refused(tmp_path: Path) -> None:
    """With an error that says what to do, not a hang."""
    with Host(tmp_path, "def f(): pass") as host:
        assert host.receive()[0]["t"] == "hello"
        header, segments = host.boot()
        host.send({**header, "protocol": 999}, segments)
        header, _ = host.expect("failed")
        assert header["fatal"]
        assert host.process.wait(PATIENCE) == 1


TEMPLATE = """
import os, socket, sys
from intermodal import guest
guest.preload()
_, boot, folder, *fds = sys.argv
prepared = guest.prepare(open(boot, "rb").read(), [folder])
assert prepared.void is None, prepared.void
for fd in map(int, fds):
    if os.fork() == 0:
        os._exit(guest.serve(socket.socket(fileno=fd), prepared))
for _ in fds:
    os.wait()
"""

SNAPSHOT = """
    import os, random
    from intermodal.definitions.partial import enter, method
    print("imported")
    class C:
        @enter(snap=True)
        def snap(self): self.snapped = os.getpid()
        @enter()
        def plain(self): self.entered = os.getpid()
        @method()
        def get(self): return self.snapped != os.getpid(), self.entered == os.getpid(), random.random()
"""


def test_forks_of_a_template_serve(tmp_path: Path) -> None:
    """The module is imported and snapped once; each fork enters for itself and has randomness of its own."""
    with Host(tmp_path, SNAPSHOT) as host:
        header, segments = host.boot("C", is_class=True, methods=(MethodSpec(name="get"),))
        from intermodal.wire.frame import encode

        (tmp_path / "boot").write_bytes(b"".join(encode(header, segments)))
        pairs = [socket.socketpair() for _ in range(2)]
        fds = [theirs.fileno() for _, theirs in pairs]
        template = subprocess.Popen(
            [sys.executable, "-c", TEMPLATE, str(tmp_path / "boot"), str(tmp_path), *map(str, fds)],
            pass_fds=fds,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            stdout=subprocess.PIPE,
        )
        values = []
        host.sock.close()
        for ours, theirs in pairs:
            theirs.close()
            ours.settimeout(PATIENCE)
            host.sock = ours
            host.expect("ready")
            status, value = host.run(method="get")
            assert status == OK
            values.append(value)
            host.send({"t": "stop", "grace": 1.0})
            host.expect("bye")
            ours.close()
        out, _ = template.communicate(timeout=PATIENCE)
        assert template.returncode == 0
        assert out == b"imported\n"
        assert [value[:2] for value in values] == [(True, True)] * 2
        assert values[0][2] != values[1][2]


def test_live_threads_void_a_snapshot(tmp_path: Path) -> None:
    """The reason names them."""
    source = """
        import threading
        threading.Thread(target=threading.Event().wait, name="poller", daemon=True).start()
        def f(): pass
    """
    with Host(tmp_path, source) as host:
        from intermodal.wire.frame import encode

        (tmp_path / "boot").write_bytes(b"".join(encode(*host.boot())))
        program = (
            "import sys; from intermodal import guest; print(guest.prepare(open(sys.argv[1], 'rb').read(), ['.']).void)"
        )
        out = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "boot")],
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert "poller" in out
        host.process.kill()


def test_the_bundle_is_all_a_guest_needs(tmp_path: Path) -> None:
    """An isolated interpreter with nothing but the bundle serves; a second materialisation is the same directory."""
    made = bundle.materialise(tmp_path / "data")
    assert bundle.materialise(tmp_path / "data") == made
    assert not any(path.name.startswith(".making") for path in made.parent.iterdir())
    with Host(tmp_path, "def f(x): return x", python=[sys.executable, "-S"], path=made) as host:
        host.start()
        assert host.run(3) == (OK, 3)
        assert host.stop() == 0


def test_a_function_of_an_image_step_runs(tmp_path: Path) -> None:
    """With its pickled arguments; a failure prints its traceback and ends with code 1."""
    (tmp_path / "steps.py").write_text("def make(path, text='x'):\n    open(path, 'w').write(text)\n")
    arguments = tmp_path / "arguments"
    order = tmp_path / "order.json"

    def run(*args: object, **kwargs: object) -> subprocess.CompletedProcess[str]:
        arguments.write_bytes(cloudpickle.dumps((args, kwargs)))
        target = to_json(CodeTarget(module="steps", qualname="make"))
        order.write_text(
            json.dumps({"target": target, "python_path": [str(tmp_path)], "code": None, "arguments": str(arguments)})
        )
        return subprocess.run(
            [sys.executable, "-m", "intermodal.guest.build_function", str(order)],
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            capture_output=True,
            text=True,
            check=False,
        )

    assert run(str(tmp_path / "made"), text="hello").returncode == 0
    assert (tmp_path / "made").read_text() == "hello"
    failed = run()
    assert failed.returncode == 1
    assert "TypeError" in failed.stderr
