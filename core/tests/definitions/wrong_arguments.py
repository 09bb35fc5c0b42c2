"""A program that calls everything public with every kind of value for each argument, one wrong thing at a time.

It prints a line for each call that ended otherwise than it may: a value of a kind that the hints refuse is an
`InvalidError` that names the argument; of any other, the call works, or one of this framework's errors says why not.
"""

from __future__ import annotations

import inspect
import io
import math
import queue
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import intermodal
from intermodal import App, Dict, FunctionCall, Image, Queue, Retries, Sandbox, Secret, Volume
from intermodal.client.checking import kinds_of
from intermodal.definitions.lowering import lower, lower_image
from intermodal.definitions.sandbox_files import FileIO
from intermodal.definitions.sandbox_process import ContainerProcess
from intermodal.definitions.sandbox_streams import StreamReader, StreamWriter
from intermodal.exception import Error, InvalidError
from intermodal.specs import content_hash

LONG = "x" * 100_000
VALUES: list[Any] = [
    7, 0, -1, 2**70, -(2**70), 10**5000, True, False, 1.5, 1e300, math.nan, math.inf, None,
    "", "a", "/a", "é", "\0", "a\0b", "\ud800", "\udc80", LONG, "/" + LONG, b"", b"a", bytearray(b"a"),
    memoryview(b"a"),
    [], [7], ["a"], ["\0"], ["\ud800"], [LONG], [[]], [None], ("a",), (1, 2), (2, 1), ("a", "b"), {"a"}, range(3),
    {}, {"a": 7}, {"a": "b"}, {7: "a"}, {"": "a"}, {"a=b": "c"}, {"a b": "c"}, {"\0": "a"}, {"A": "\0"},
    {"A": "\ud800"}, {"A": None}, {"/a": Volume.from_name("other")}, Path("a"), Path("a\0b"), Path(LONG),
    io.BytesIO(b"a"), io.StringIO("a"),
    object(), object, Image, Image.debian_slim(), App("other"), Secret.from_dict({}), [Secret.from_dict({})],
    Volume.from_name("other"), intermodal.Cron("0 9 * * *"), Retries(1), lambda *args, **kwargs: None, math,
]  # fmt: skip

#: Values that every other argument has while one is tried.
FINE: dict[str, Any] = {
    "app_name": "a", "bucket_name": "bucket", "cls": Queue, "cmd": ["a"], "cron_string": "0 9 * * *", "data": "a",
    "dst_path": "/b", "entrypoint_commands": ["a"], "env_dict": {"A": "b"}, "env_keys": ["PATH"], "file_path": __file__,
    "force": False, "function_call_id": "fc-1", "git_user": "u", "image_id": "im-1", "instance": object(), "key": "k",
    "local_file": __file__, "local_path": __file__, "max_batch_size": 2, "max_inputs": 2, "max_retries": 1,
    "n_values": 1, "name": "n", "new_name": "m", "object_id": "fc-1", "offset": 0, "old_name": "n",
    "other_app": App("included"),
    "path": "/a", "poetry_pyproject_toml": "p", "port": 80, "process": "p", "pyproject_toml": "p", "raw_f": print,
    "remote_path": "/a", "requirements_txt": "r", "run": None, "sandbox": "sb-1", "sandbox_id": "sb-1", "secret": None,
    "shell_commands": ["a"], "src_paths": ["/a"], "stream": 1, "tag": "debian", "tags": {"a": "b"}, "v": 1, "value": 1,
    "vars": {"A": "b"}, "vs": [1], "wait_ms": 10, "warm_pool_size": 1,
}  # fmt: skip

#: What a call with fine arguments may end with, besides our own errors: no such file, a full queue.
MAY_RAISE = (Error, FileNotFoundError, NotADirectoryError, IsADirectoryError, queue.Full, queue.Empty)
#: Users make none of these by its constructor.
NOT_MADE = {"Cls", "Function", "Secret", "Error"}
#: Arguments are the function's own, or it needs a server.
NOT_TRIED = {"remote", "remote_gen", "spawn", "local", "pipe", "deploy"}


app = App("everything")


@app.function(serialized=True)
def function(x: int = 1) -> int:
    """Something to call."""
    return x


@app.cls(serialized=True)
class Model:
    """Something to make objects of."""

    size: int = intermodal.parameter(default=1)

    @intermodal.method()
    def predict(self) -> int:
        """Something to call."""
        return self.size


def of_each_class() -> list[Any]:
    """An object of each class whose methods are called. New ones for each call: methods may change them."""
    volume = Volume.from_name("volume", create_if_missing=True)
    return [
        App("a"), Image.debian_slim(), Secret.from_dict({}), intermodal.CloudBucketMount("bucket"),
        Queue.from_name("queue", create_if_missing=True), Dict.from_name("dict", create_if_missing=True), volume,
        volume.batch_upload(), Queue.objects, Secret.objects, function, Model, Model(), FunctionCall("fc-1"),
        Sandbox("sb-1"), FileIO("sb-1", 1, "r"), ContainerProcess("sb-1", "p"), StreamReader("sb-1", "p", 1),
        StreamWriter("sb-1", "p"), Retries(1), intermodal.FilePatternMatcher("a"),
    ]  # fmt: skip


@dataclass(frozen=True)
class Call:
    """Something public. `code` is where its signature is; `method`: what it is a method of is not an argument."""

    name: str
    code: Callable[..., Any]
    method: bool
    find: Callable[[], Callable[..., Any]]


def calls() -> Iterator[Call]:
    """Constructors, methods and functions."""
    for name in intermodal.__all__:
        thing = getattr(intermodal, name)
        if inspect.isfunction(thing):
            yield Call(name, thing, False, lambda thing=thing: thing)
        elif inspect.isclass(thing) and "__init__" in vars(thing) and name not in NOT_MADE:
            yield Call(name, vars(thing)["__init__"], True, lambda thing=thing: thing)
    for number, each in enumerate(of_each_class()):
        for owner in type(each).__mro__:
            for member, found in vars(owner).items() if owner.__module__.startswith("intermodal") else ():
                code = _code(found)
                if code is not None and not member.startswith("_") and member not in NOT_TRIED:
                    find = lambda number=number, member=member: getattr(of_each_class()[number], member)  # noqa: E731
                    yield Call(f"{type(each).__name__}.{member}", code, True, find)


def _code(member: Any) -> Callable[..., Any] | None:
    if isinstance(member, classmethod):
        return member.__func__
    if type(member).__name__.startswith("_Dual"):
        return member.__wrapped__  # type: ignore[no-any-return]
    return member if inspect.isfunction(member) else None


def tries(call: Call) -> Iterator[tuple[str, Any, tuple[Any, ...], dict[str, Any]]]:
    """Each argument with each value, and what it is called with then."""
    parameters = list(inspect.signature(call.code).parameters.values())[int(call.method) :]
    needed = {each.name: FINE[each.name] for each in parameters if each.default is each.empty and each.name in FINE}
    if "block" in [each.name for each in parameters]:
        needed["block"] = False
    for each in parameters:
        for value in VALUES if each.kind is not each.VAR_KEYWORD else ():
            if each.name.endswith("timeout") and isinstance(value, (int, float)) and value > 1:
                continue  # it would wait
            if each.name == "block" and value is True:
                continue
            if each.kind in (each.VAR_POSITIONAL, each.POSITIONAL_ONLY):
                yield each.name, value, (value,), needed
            else:
                yield each.name, value, (), {**needed, each.name: value}


def use(result: Any) -> None:
    """Do what comes later, where a mistake would show: images are read when an app starts, streams when iterated."""
    if isinstance(result, Image):
        content_hash(lower_image(result).spec)
    elif isinstance(result, Secret):
        result.values()
    elif isinstance(result, App):
        result.function(name="f", serialized=True)(lambda: None)
        content_hash(lower(result).app)
    elif inspect.isgenerator(result):
        next(result, None)


def ending(call: Call, name: str, value: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    """What is wrong with how it ends."""
    refused = kinds_of(inspect.unwrap(call.code), call.method).wrong(args, kwargs) is not None
    try:
        use(call.find()(*args, **kwargs))
    except InvalidError as error:
        return None if not refused or name in str(error) else f"the message does not name it: {error}"
    except MAY_RAISE as error:
        return f"{type(error).__name__}: {error}" if refused else None
    except BaseException as error:  # noqa: BLE001 - that is what is looked for
        return f"{type(error).__name__}: {error}"
    return "it was accepted" if refused else None


def main() -> int:
    """Returns how many calls were made; prints those that ended badly."""
    made = 0
    for call in calls():
        for hint in kinds_of(inspect.unwrap(call.code), call.method).unknown:
            print(f"{call.name}: {hint}")
        for name, value, args, kwargs in tries(call):
            made += 1
            wrong = ending(call, name, value, args, kwargs)
            if wrong is not None:
                print(f"{call.name}({name}={type(value).__name__}): {wrong:.300}")
    return made


if __name__ == "__main__":
    print("calls:", main(), file=sys.stderr)
