"""stdout and stderr: whole lines with their attempt (log.lines)."""

from __future__ import annotations

from pathlib import Path

from intermodal.specs import MethodSpec
from intermodal.specs.status import OK

from .harness import Host


def test_lines_carry_their_attempt_and_come_before_the_result(tmp_path: Path) -> None:
    """Both streams, torn writes joined, a last line without its newline ended."""
    source = """
        import sys
        def f(n):
            print("one", end="")
            print(" line", n)
            print("to stderr", file=sys.stderr)
            sys.stdout.buffer.write(b"bytes\\n")
            print("rest", end="")
    """
    with Host(tmp_path, source) as host:
        host.start()
        attempts = host.inputs(1, 2)
        host.result(attempts[1])
        for number, attempt in enumerate(attempts, 1):
            lines = [(stream, text) for stream, each, text in host.logs if each == attempt]
            assert lines == [(1, f"one line {number}\n"), (2, "to stderr\n"), (1, "bytes\n"), (1, "rest\n")]
        kinds = [header["t"] for header, _ in host.seen]
        assert max(i for i, kind in enumerate(kinds) if kind == "log") < len(kinds) - 1 - kinds[::-1].index("results")


def test_a_line_without_end_is_cut_and_costs_what_it_holds(tmp_path: Path) -> None:
    """Many small writes of one line, as progress bars make them: pieces of a MiB, nothing lost or copied often."""
    source = """
        import sys
        def f(pieces):
            for n in range(pieces):
                sys.stdout.write("progress %8d\\r" % n)
            sys.stdout.write("end\\nnext")
    """
    pieces = 200_000
    with Host(tmp_path, source) as host:
        host.start()
        (attempt,) = host.inputs(pieces)
        host.result(attempt)
        texts = [text for _, each, text in host.logs if each == attempt]
        lines = "".join(texts).split("\n")
        whole = "".join(f"progress {n:8}\r" for n in range(pieces)) + "end"
        assert lines[-2:] == ["next", ""]
        assert [len(line) for line in lines[:-3]] == [1 << 20] * (len(whole) >> 20)
        assert "".join(lines[:-2]) == whole


def test_concurrent_inputs_do_not_mix_their_lines(tmp_path: Path) -> None:
    """Half lines of coroutines are joined with their own other half."""
    source = """
        import asyncio
        async def f(n):
            for i in range(20):
                print(n, end="")
                await asyncio.sleep(0)
                print(n)
    """
    with Host(tmp_path, source) as host:
        host.start(methods=(MethodSpec(is_async=True),), max_inputs=3)
        attempts = host.inputs(*"abc")
        for attempt in attempts:
            host.result(attempt)
        for attempt, letter in zip(attempts, "abc", strict=True):
            assert [text for _, each, text in host.logs if each == attempt] == [letter * 2 + "\n"] * 20


def test_logging_set_up_at_import_is_captured(tmp_path: Path) -> None:
    """`logging.basicConfig()` at the top of the module holds the captured stderr."""
    source = """
        import logging
        logging.basicConfig(level=logging.INFO, format="%(levelname)s:%(message)s")
        def f(): logging.info("hello")
    """
    with Host(tmp_path, source) as host:
        host.start()
        (attempt,) = host.inputs(())
        host.result(attempt)
        assert host.logs == [(2, attempt, "INFO:hello\n")]


def test_threads_of_user_code_count_to_the_running_input(tmp_path: Path) -> None:
    """Where one input runs at a time."""
    source = """
        import threading
        def f():
            thread = threading.Thread(target=print, args=("from a thread",))
            thread.start()
            thread.join()
    """
    with Host(tmp_path, source) as host:
        host.start()
        (attempt,) = host.inputs(())
        host.result(attempt)
        assert host.logs == [(1, attempt, "from a thread\n")]


def test_odd_text_is_written_somehow(tmp_path: Path) -> None:
    """Lone surrogates and any unicode do not fail a print."""
    with Host(tmp_path, r"def f(): print('\udc80 ü 🚢')") as host:
        host.start()
        assert host.run() == (OK, None)
        assert host.logs[0][2] == "\\udc80 ü 🚢\n"


def test_a_forked_child_writes_plainly_and_leaves_the_connection_alone(tmp_path: Path) -> None:
    """Its prints go to the raw descriptor, SIGTERM ends it, and the guest goes on."""
    source = """
        import multiprocessing, os, signal, time
        def child():
            print("from the child", flush=True)
            time.sleep(60)
        def f():
            process = multiprocessing.get_context("fork").Process(target=child)
            process.start()
            time.sleep(0.3)
            process.terminate()
            process.join()
            print("from the parent")
            return process.exitcode
    """
    with Host(tmp_path, source) as host:
        host.start()
        (attempt,) = host.inputs(())
        assert host.result(attempt) == (OK, -15)
        assert host.logs == [(1, attempt, "from the parent\n")]
        assert host.stop() == 0
    assert "from the child" in host.raw[0]


def test_a_host_that_reads_slowly_loses_nothing(tmp_path: Path) -> None:
    """The guest's writes wait; every line arrives, in order (fault 17)."""
    with Host(tmp_path, "def f(n):\n    for i in range(n): print('x' * 200, i)") as host:
        host.start()
        (attempt,) = host.inputs(20_000)
        host.result(attempt)
        numbers = [int(line.split()[1]) for _, _, text in host.logs for line in text.splitlines()]
        assert numbers == list(range(20_000))
