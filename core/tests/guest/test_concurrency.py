"""Coroutines on the loop, threads in the pool (conc.inputs)."""

from __future__ import annotations

from pathlib import Path

from intermodal.specs import MethodSpec
from intermodal.specs.status import OK

from .harness import Host

ASYNC = (MethodSpec(is_async=True),)


def test_async_inputs_run_at_once_on_one_loop(tmp_path: Path) -> None:
    """Coroutines that need each other to finish all finish."""
    source = """
        import asyncio, threading
        everyone = []
        async def f(n):
            everyone.append(n)
            while len(everyone) < 3:
                await asyncio.sleep(0)
            return threading.current_thread() is threading.main_thread()
    """
    with Host(tmp_path, source) as host:
        host.start(methods=ASYNC, max_inputs=3)
        attempts = host.inputs(1, 2, 3)
        assert [host.result(attempt) for attempt in attempts] == [(OK, True)] * 3
        assert host.stop() == 0


def test_never_more_coroutines_than_max_inputs(tmp_path: Path) -> None:
    """Inputs that were sent ahead wait for their turn."""
    source = """
        import asyncio
        now = most = 0
        async def f(n):
            global now, most
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.001)
            now -= 1
            return most
    """
    with Host(tmp_path, source) as host:
        host.start(methods=ASYNC, max_inputs=2)
        attempts = host.inputs(*range(12))
        values = [host.result(attempt) for attempt in attempts]
        assert max(value for _, value in values) == 2


def test_sync_inputs_run_at_once_on_threads(tmp_path: Path) -> None:
    """Threads that wait for each other at a barrier all pass, none of them the main thread."""
    source = """
        import threading
        barrier = threading.Barrier(3)
        def f(n):
            barrier.wait(10)
            return n, threading.current_thread() is threading.main_thread()
    """
    with Host(tmp_path, source) as host:
        host.start(max_inputs=3)
        attempts = host.inputs(1, 2, 3)
        assert [host.result(attempt) for attempt in attempts] == [(OK, (n, False)) for n in (1, 2, 3)]
        assert host.stop() == 0


def test_sync_inputs_run_on_the_main_thread(tmp_path: Path) -> None:
    """One at a time, sync code has the main thread, as signal handlers and GUIs want."""
    source = """
        import threading
        def f():
            return threading.current_thread() is threading.main_thread()
    """
    with Host(tmp_path, source) as host:
        host.start()
        assert host.run() == (OK, True)


def test_context_is_each_inputs_own(tmp_path: Path) -> None:
    """Call, index and try of an input are seen by its own coroutine, thread, and threads it starts (call.context)."""
    source = """
        import asyncio, threading
        from intermodal.client.context import current_input, in_container
        assert in_container()
        def look():
            found = current_input()
            return found.call, found.index, found.attempt
        async def coroutine():
            await asyncio.sleep(0.001)
            return look()
        def thread():
            return look()
        def started():
            seen = []
            thread = threading.Thread(target=lambda: seen.append(look()))
            thread.start()
            thread.join()
            return seen[0]
    """
    sync = (MethodSpec(),)
    for name, methods, at_once in (("coroutine", ASYNC, 4), ("thread", sync, 4), ("started", sync, 1)):
        with Host(tmp_path, source) as host:
            host.start(name, methods=methods, max_inputs=at_once)
            attempts = host.inputs((), (), ())
            assert [host.result(attempt) for attempt in attempts] == [(OK, ("fc-1", i, 1)) for i in range(3)]


def test_a_stop_lets_running_inputs_finish(tmp_path: Path) -> None:
    """Inputs that run when the stop comes have their results before bye (cls.exit-grace)."""
    for kind, methods in (("async def", ASYNC), ("def", (MethodSpec(),))):
        source = f"""
            import asyncio, os, time
            {kind} f(path):
                open(path + ".started", "w").close()
                while not os.path.exists(path):
                    {"await asyncio.sleep(0.001)" if methods is ASYNC else "time.sleep(0.001)"}
                return "finished"
        """
        for at_once in (1, 2):
            with Host(tmp_path, source) as host:
                host.start(methods=methods, max_inputs=at_once)
                flag = tmp_path / f"{kind[:3]}{at_once}"
                (attempt,) = host.inputs(str(flag))
                host.wait_for_file(Path(f"{flag}.started"))
                host.send({"t": "stop", "grace": 5.0})
                flag.touch()
                assert host.result(attempt) == (OK, "finished")
                host.expect("bye")
