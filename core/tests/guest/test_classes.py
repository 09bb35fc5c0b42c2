"""Classes: parameters, enters, methods, exits (cls.lifecycle)."""

from __future__ import annotations

from pathlib import Path

from intermodal.specs import MethodSpec
from intermodal.specs.status import ERROR, OK

from .harness import Host

HEAD = """
    from intermodal.definitions.partial import enter, exit, method
"""
SOURCE = (
    HEAD
    + """
    import asyncio
    class Base:
        @enter(snap=True)
        def snap(self): self.steps = ["snap"]
        @enter()
        def base(self): self.steps.append("base")
    class C(Base):
        @enter()
        async def late(self):
            await asyncio.sleep(0)
            self.steps.append("late")
            self.loop = asyncio.get_running_loop()
        @method()
        def get(self, x): return self.steps, x
        @method()
        async def same_loop(self): return self.loop is asyncio.get_running_loop()
        @exit()
        async def leave(self): print("left", self.steps)
"""
)
METHODS = (MethodSpec(name="get"), MethodSpec(name="same_loop", is_async=True))


def test_hooks_run_in_order_around_the_inputs(tmp_path: Path) -> None:
    """Snap enters, enters base class first, inputs, exits, then bye."""
    with Host(tmp_path, SOURCE) as host:
        host.start("C", is_class=True, methods=METHODS)
        assert host.run(5, method="get") == (OK, (["snap", "base", "late"], 5))
        assert host.run(method="same_loop") == (OK, True)
        assert host.stop() == 0
        assert host.logs == [(1, 0, "left ['snap', 'base', 'late']\n")]


def test_sync_methods_of_a_class_with_async_hooks(tmp_path: Path) -> None:
    """They run on the main thread; the hooks on one loop."""
    with Host(tmp_path, SOURCE) as host:
        host.start("C", is_class=True, methods=METHODS[:1])
        assert host.run(1, method="get")[0] == OK
        assert host.stop() == 0
        assert len(host.logs) == 1


def test_parameters_are_set_before_any_hook(tmp_path: Path) -> None:
    """Also in a class whose methods run on threads."""
    source = (
        HEAD
        + """
    from intermodal.definitions.parameters import parameter
    class C:
        name: str = parameter()
        size: int = parameter(default=3)
        @enter()
        def start(self): self.seen = (self.name, self.size)
        @method()
        def get(self): return self.seen
"""
    )
    with Host(tmp_path, source) as host:
        host.start("C", is_class=True, methods=METHODS[:1], parameters={"name": "x"}, max_inputs=2)
        assert host.run(method="get") == (OK, ("x", 3))


def test_a_failing_enter_fails_the_container(tmp_path: Path) -> None:
    """It may be tried again, exit methods are skipped, what it printed is kept (cls.enter-fails)."""
    source = (
        HEAD
        + """
    class C:
        @enter()
        def start(self):
            print("starting")
            raise ValueError("no model")
        @method()
        def get(self): pass
        @exit()
        def leave(self): print("left")
"""
    )
    with Host(tmp_path, source) as host:
        header, error = host.fails_to_start("C", is_class=True, methods=METHODS[:1])
        assert (header["fatal"], header["kind"]) == (False, "enter")
        assert error.message == "no model"
        assert host.process.wait(20) == 1
        assert [text for _, _, text in host.logs] == ["starting\n"]


def test_a_failing_exit_is_reported_in_the_log(tmp_path: Path) -> None:
    """The guest still says bye, and its code is 1."""
    source = (
        HEAD
        + """
    class C:
        @method()
        def get(self): pass
        @exit()
        def leave(self): raise ValueError("stuck")
"""
    )
    with Host(tmp_path, source) as host:
        host.start("C", is_class=True, methods=METHODS[:1])
        assert host.stop() == 1
        assert "ValueError: stuck" in "".join(text for _, _, text in host.logs)


def test_sync_and_async_methods_share_a_container(tmp_path: Path) -> None:
    """With several inputs at once the sync ones run on threads, and nobody blocks the loop."""
    source = (
        HEAD
        + """
    import asyncio, threading
    class C:
        @enter()
        def start(self): self.event = threading.Event()
        @method()
        def get(self, _):
            assert self.event.wait(10)
            return threading.current_thread() is threading.main_thread()
        @method()
        async def same_loop(self): self.event.set()
"""
    )
    with Host(tmp_path, source) as host:
        host.start("C", is_class=True, methods=METHODS, max_inputs=2)
        (waiting,) = host.inputs(1, method="get")
        assert host.run(method="same_loop") == (OK, None)
        assert host.result(waiting) == (OK, False)
        status, error = host.run(1, 2, method="get")
        assert status == ERROR
        assert error.error == "TypeError"
