"""Every blocking call has an async twin at `.aio` (head of the semantics)."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import intermodal
from intermodal.client import completion, dual
from intermodal.client.calls import FunctionCall
from intermodal.client.dual import Dual, DualStream
from intermodal.definitions import functions
from intermodal.definitions.functions import Mapper
from intermodal.definitions.sandbox_files import FileIO
from intermodal.definitions.sandbox_process import ContainerProcess
from intermodal.definitions.sandbox_streams import StreamReader, StreamWriter
from intermodal.exception import InvalidError

app = intermodal.App("twins")
#: What required parameters get, by name.
ARGUMENTS: dict[str, Any] = {
    "app_name": "a",
    "env_dict": {"A": "1"},
    "env_keys": [],
    "function_call_id": "fc-1",
    "key": "k",
    "max_batch_size": 2,
    "max_inputs": 2,
    "name": "n",
    "other_app": intermodal.App("others"),
    "v": 1,
    "value": 1,
    "vs": [1],
    "wait_ms": 1,
    "warm_pool_size": 1,
}


class Blocked(BaseException):
    """Raised in place of blocking."""


@app.function()
def plain(x: int) -> int:
    return x


@app.function()
def stream(n: int) -> Iterator[int]:
    yield from range(n)


@app.cls()
class Model:
    @intermodal.method()
    def ask(self, x: int) -> int:
        return x


ended = ContainerProcess[str]("sb-1", "1")
ended._code = 0

OBJECTS: dict[str, Any] = {
    "App": app,
    "Cls": Model,
    "Function": plain,
    "FunctionCall": FunctionCall("fc-1", 1),
    "Obj": Model(),
    "Queue": intermodal.Queue.from_name("q"),
    "Dict": intermodal.Dict.from_name("d"),
    "Image": intermodal.Image.debian_slim(),
    "ContainerProcess": ended,
    "FileIO": FileIO[str]("sb-1", 1, "r"),
    "Sandbox": intermodal.Sandbox("sb-1"),
    "StreamReader": StreamReader("sb-1", "1", 1),
    "StreamWriter": StreamWriter("sb-1", "1"),
    "Secret": intermodal.Secret.from_dict({"A": "1"}),
    "Volume": intermodal.Volume.from_name("v"),
}
PUBLIC = [
    (kind, name)
    for kind, thing in OBJECTS.items()
    for name in dir(type(thing))
    if not name.startswith("_") and callable(getattr(thing, name, None)) and (kind, name) != ("App", "run")
]


@pytest.fixture(autouse=True)
def never_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever would wait on this thread raises instead."""

    def block(*_: Any) -> Any:
        raise Blocked

    def closing(coroutine: Any) -> Any:
        coroutine.close()
        raise Blocked

    monkeypatch.setattr(dual, "run_sync", closing)
    monkeypatch.setattr(dual, "iterate_sync", block)
    monkeypatch.setattr(functions, "iterate_sync", block)
    monkeypatch.setattr(completion.Completion, "wait", block)


def blocks(thing: Callable[..., Any]) -> bool:
    """Whether a call with plausible arguments waits for something."""
    try:
        parameters = inspect.signature(thing).parameters.values()
        required = [each for each in parameters if each.default is each.empty and each.kind < each.VAR_POSITIONAL]
        keywords = [each.name for each in parameters if each.default is each.empty and each.kind == each.KEYWORD_ONLY]
        result = thing(*(ARGUMENTS.get(each.name) for each in required), **{key: ARGUMENTS[key] for key in keywords})
        if inspect.isgenerator(result):
            next(result)
    except Blocked:
        return True
    except Exception:  # noqa: BLE001 - refused, for whatever reason, without waiting
        return False
    return False


@pytest.mark.filterwarnings("ignore:.*older spelling")
@pytest.mark.parametrize(("kind", "name"), PUBLIC)
def test_what_blocks_has_an_async_twin(kind: str, name: str) -> None:
    """Found by calling it: whatever would wait must have `.aio`."""
    thing = getattr(OBJECTS[kind], name)
    if isinstance(thing, (Dual, DualStream, Mapper)):
        assert callable(thing.aio)
    else:
        assert not blocks(thing), f"{kind}.{name} blocks and has no .aio"


def test_the_twins_that_users_know() -> None:
    """The search above finds what is known to block."""
    known = {("Function", "remote"), ("Function", "map"), ("Queue", "put"), ("Dict", "items"), ("FunctionCall", "get")}
    known |= {("Function", "spawn"), ("Function", "keep_warm"), ("Obj", "update_autoscaler"), ("Queue", "delete")}
    assert known <= set(PUBLIC)
    for kind, name in known:
        assert isinstance(getattr(OBJECTS[kind], name), (Dual, DualStream, Mapper)), (kind, name)
    assert callable(intermodal.gather.aio)
    assert blocks(plain.spawn)


def test_a_twin_is_a_coroutine_or_an_async_iterator() -> None:
    """To await or to iterate."""

    async def scenario() -> None:
        waiting = plain.remote.aio(1)
        assert inspect.iscoroutine(waiting)
        with pytest.raises(InvalidError, match="nothing is running"):
            await waiting
        assert hasattr(stream.remote_gen.aio(1), "__anext__")

    asyncio.run(scenario())
