"""What type checkers see of a user's file: arguments and values of remote calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

USER = """
from collections.abc import Iterator
from typing import assert_type
import intermodal

app = intermodal.App("typed")

@app.function(gpu=["H100", "A100:2"], retries=intermodal.Retries(max_retries=2))
def plain(x: int, y: str = "a") -> float: return 1.0

@app.function()
async def later(x: int) -> float: return 1.0

@app.function()
@intermodal.concurrent(max_inputs=3)
def several(x: int) -> int: return x

@app.cls()
class Model:
    size: int = intermodal.parameter(default=1)

    @intermodal.enter()
    def load(self) -> None: ...

    @intermodal.method()
    def predict(self, x: int) -> str: return "a"

    @intermodal.method()
    async def stream(self, x: int) -> str: return "a"

@app.local_entrypoint()
def main(n: int = 3) -> None:
    assert_type(plain.remote(1), float)
    assert_type(plain.map([1]), Iterator[float])
    assert_type(plain.spawn(1).get(), float)
    assert_type(later.remote(1), float)
    assert_type(several.remote(1), int)
    assert_type(Model().predict.remote(1), str)
    assert_type(Model().stream.remote(1), str)

async def twin() -> None:
    assert_type(await plain.remote.aio(1), float)
    async with app.run():
        async for value in plain.map.aio([1]):
            assert_type(value, float)
"""

WRONG = """
def wrong() -> None:
    plain.remote("text")
    plain.remote()
    Model().predict.remote("text")
"""


def check(tmp_path: Path, source: str) -> list[str]:
    """The errors of `mypy --strict`."""
    (tmp_path / "user.py").write_text(source)
    words = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(tmp_path), "user.py"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    return [line for line in done.stdout.splitlines() if "error:" in line]


def test_a_users_file_has_types_and_its_mistakes_are_found(tmp_path: Path) -> None:
    """Functions, coroutines, methods, maps, spawned calls and twins; `mypy --strict`."""
    wrong = check(tmp_path, USER + WRONG)
    assert [line.rsplit("[")[-1] for line in wrong] == ["arg-type]", "call-arg]", "arg-type]"], wrong
