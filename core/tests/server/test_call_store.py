"""The store of detached calls: what is accepted stays, and each input has one output (deploy.durable)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from intermodal.driver.keeping import Kept, Output
from intermodal.exception import InvalidError, NotFoundError
from intermodal.server.calls import CallStore, open_calls
from intermodal.server.calls.request import digest_of, packed
from intermodal.server.calls.rows import Fresh, Recorded
from intermodal.specs.status import CANCELLED, ERROR, OK

FOREVER = 1 << 40


@pytest.fixture
def store(tmp_path: Path, database_url: str) -> Iterator[CallStore]:
    found = CallStore(open_calls(tmp_path, database_url))
    yield found
    found.close()


def fresh(id: str, *inputs: bytes, app: str = "shop", parent: str | None = None, created: float = 1.0) -> Fresh:
    request = packed(b"", inputs)
    return Fresh(
        id=id,
        environment="main",
        app=app,
        function="square",
        method="",
        options="",
        parent=parent,
        inputs=len(inputs),
        request=request,
        digest=digest_of(app, "square", "", "", request),
        created=created,
    )


def outputs(call: str, *rows: tuple[int, int, bytes]) -> Recorded:
    indices, statuses, payloads = zip(*rows, strict=True)
    return Recorded(call, indices, statuses, payloads, 2.0)


def test_what_was_accepted_is_found_again(store: CallStore, tmp_path: Path, database_url: str) -> None:
    """By another process, with its inputs, in the order of acceptance."""
    assert store.write([fresh("fc-b", b"1", b"2"), fresh("fc-a", b"3")], [], []) == [Kept(True), Kept(True)]
    again = CallStore(open_calls(tmp_path, database_url))
    assert [call.id for call in again.unended()] == ["fc-b", "fc-a"]
    call, done = again.to_begin("fc-b")
    assert (call.app, call.function, list(call.inputs), done) == ("shop", "square", [b"1", b"2"], [])
    again.close()


def test_the_same_call_twice_is_one(store: CallStore) -> None:
    """Fault 6: also within one transaction; another call under its id is refused, and changes nothing."""
    call = fresh("fc-a", b"1")
    assert store.write([call, call], [], []) == [Kept(True), Kept(False)]
    (known, refused) = store.write([call, fresh("fc-a", b"2")], [], [])
    assert known == Kept(False)
    assert isinstance(refused, InvalidError)
    assert list(store.to_begin("fc-a")[0].inputs) == [b"1"]


def test_the_first_output_counts(store: CallStore) -> None:
    """Fault 7: whatever comes later, from an older attempt or a second server, changes nothing."""
    store.write([fresh("fc-a", b"1")], [], [])
    assert store.output("fc-a", 0) == Output("pending")
    store.write([], [outputs("fc-a", (0, OK, b"first"))], [])
    store.write([], [outputs("fc-a", (0, ERROR, b"second"))], ["fc-a"])
    assert store.output("fc-a", 0) == Output("done", OK, b"first")
    assert store.call("fc-a").states.succeeded == 1


def test_a_call_ends_with_its_last_output(store: CallStore) -> None:
    """Being told so before is no end, and an end that nobody told of is found when the store is opened again."""
    store.write([fresh("fc-a", b"1", b"2")], [], [])
    store.write([], [outputs("fc-a", (1, OK, b""))], ["fc-a"])
    assert [call.id for call in store.unended()] == ["fc-a"]
    assert store.to_begin("fc-a")[1] == [1]
    store.write([], [outputs("fc-a", (0, ERROR, b""))], [])
    store.settle()
    assert store.unended() == []
    assert store.call("fc-a").states.failed == 1


def test_what_failed_runs_again(store: CallStore) -> None:
    """Its output goes, and the next one counts; what has not failed, or goes on, is refused."""
    store.write([fresh("fc-a", b"1", b"2")], [], [])
    with pytest.raises(InvalidError, match="goes on"):
        store.forget_failed("fc-a", None)
    store.write([], [outputs("fc-a", (0, ERROR, b"no"), (1, OK, b"yes"))], ["fc-a"])
    with pytest.raises(InvalidError, match="input 1 of call fc-a has not failed"):
        store.forget_failed("fc-a", [1])
    assert store.forget_failed("fc-a", None) == [0]
    assert [call.id for call in store.unended()] == ["fc-a"]
    store.write([], [outputs("fc-a", (0, OK, b"now"))], ["fc-a"])
    assert store.output("fc-a", 0) == Output("done", OK, b"now")
    with pytest.raises(InvalidError, match="no input of call fc-a has failed"):
        store.forget_failed("fc-a", None)


def test_old_outputs_expire(store: CallStore) -> None:
    """By age, and where all take too much room, the oldest first; what goes on stays, and what expired is told from
    what never was, for a while."""
    for number in range(4):
        store.write([fresh(f"fc-{number}", bytes(1000))], [], [])
        if number:
            store.write([], [outputs(f"fc-{number}", (0, OK, bytes(1000)))], [f"fc-{number}"])
    assert store.expire(0.0, 0.0, FOREVER) == 0
    assert store.expire(0.0, 0.0, 6000) == 1
    assert [store.output(f"fc-{n}", 0).state for n in range(4)] == ["pending", "expired", "done", "done"]
    assert store.expire(FOREVER, 0.0, FOREVER) == 2
    assert store.output("fc-0", 0).state == "pending"
    assert store.expire(0.0, FOREVER, FOREVER) == 3
    with pytest.raises(NotFoundError):
        store.output("fc-1", 0)


def test_a_call_knows_those_that_it_made(store: CallStore) -> None:
    """For the call graph."""
    store.write([fresh("fc-a", b"1"), fresh("fc-b", b"1", parent="fc-a")], [], [])
    assert [call.id for call in store.children("fc-a")] == ["fc-b"]


class Model(RuleBasedStateMachine):
    """Any order of what clients, sessions and crashes do, against what has to be true of it."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.store = CallStore(open_calls(Path(self.directory.name)))
        self.accepted: dict[str, int] = {}
        self.recorded: dict[tuple[str, int], tuple[int, bytes]] = {}
        self.made = 0

    calls = st.integers(0, 5).map(lambda n: f"fc-{n}")

    @rule(ids=st.lists(calls, max_size=4), size=st.integers(1, 3))
    def accept(self, ids: list[str], size: int) -> None:
        """Some anew, some once more, some with other inputs."""
        verdicts = self.store.write([fresh(id, *([b"x"] * size)) for id in ids], [], [])
        for id, verdict in zip(ids, verdicts, strict=True):
            known = self.accepted.setdefault(id, size)
            assert isinstance(verdict, Kept) == (known == size)

    @rule(call=calls, index=st.integers(0, 2), status=st.sampled_from([OK, ERROR, CANCELLED]), told=st.booleans())
    def record(self, call: str, index: int, status: int, told: bool) -> None:
        """An output, which may be late, or come twice."""
        if index < self.accepted.get(call, 0):
            self.made += 1
            payload = str(self.made).encode()
            self.store.write([], [outputs(call, (index, status, payload))], [call] if told else [])
            self.recorded.setdefault((call, index), (status, payload))

    @rule()
    def crash(self) -> None:
        """What was not committed is not there; this process has written nothing else."""
        self.store.close()
        self.store = CallStore(open_calls(Path(self.directory.name)))
        self.store.settle()

    @rule(call=calls)
    def finish(self, call: str) -> None:
        """Cancelled from outside."""
        if call in self.accepted:
            self.store.finish(call, CANCELLED, "InputCancelledError", "gone")
            for index in range(self.accepted[call]):
                self.recorded.setdefault((call, index), (CANCELLED, self.store.output(call, index).payload))

    @rule(call=calls)
    def retry(self, call: str) -> None:
        """What failed, once the call has ended."""
        failed = [at for (of, at), (status, _) in self.recorded.items() if of == call and status == ERROR]
        try:
            again = self.store.forget_failed(call, None)
        except (InvalidError, NotFoundError):
            return
        assert again == sorted(failed)
        for index in again:
            del self.recorded[call, index]

    @invariant()
    def nothing_is_lost_and_nothing_twice(self) -> None:
        """accepted = succeeded + failed + cancelled + pending, and each output is the first one."""
        for call, size in self.accepted.items():
            states = self.store.call(call).states
            assert states.succeeded + states.failed + states.cancelled + states.pending == size
            for index in range(size):
                output, known = self.store.output(call, index), self.recorded.get((call, index))
                assert output == (Output("pending") if known is None else Output("done", *known))
            done = {index for of, index in self.recorded if of == call}
            unended = call in {each.id for each in self.store.unended()}
            assert unended or len(done) == size

    def teardown(self) -> None:
        """Remove the file."""
        self.store.close()
        self.directory.cleanup()


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)
