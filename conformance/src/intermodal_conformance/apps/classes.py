"""Classes for cls.*"""

from __future__ import annotations

import asyncio
import random
import time

import intermodal
from intermodal_conformance.apps.common import SMALL, app
from intermodal_conformance.apps.scaling import CONTAINER


class Base:
    """What the class below inherits."""

    log: list[str]

    @intermodal.enter()
    def base_enter(self) -> None:
        """The first."""
        self.log = ["base_enter"]
        print(f"entered {CONTAINER}", flush=True)

    @intermodal.exit()
    def base_exit(self) -> None:
        """The first."""
        print(f"base exit {CONTAINER}", flush=True)


@app.cls(scaledown_window=1, **SMALL)
class Lifecycle(Base):
    """Enters and exits in their order."""

    name: str = intermodal.parameter(default="plain")

    @intermodal.enter()
    def second(self) -> None:
        """After the base's."""
        self.log.append("second")

    @intermodal.enter()
    async def third(self) -> None:
        """In order of definition, async ones too."""
        await asyncio.sleep(0)
        self.log.append("third")

    @intermodal.method()
    def look(self) -> tuple[str, list[str]]:
        """The container, and what ran in it."""
        self.log.append("look")
        return CONTAINER, self.log

    @intermodal.exit()
    async def last(self) -> None:
        """After the base's."""
        await asyncio.sleep(0)
        print(f"exit {CONTAINER} {time.time()}", flush=True)


@app.cls(**SMALL)
class BrokenEnter:
    """Never starts."""

    @intermodal.enter()
    def load(self) -> None:
        """Fails."""
        print("trying to start", flush=True)
        raise RuntimeError("weights are missing")

    @intermodal.method()
    def predict(self) -> int:
        """Never called."""
        return 1

    @intermodal.exit()
    def bye(self) -> None:
        """Never called."""
        print("exit without enter", flush=True)


@app.cls(**SMALL)
class Parameters(Base):
    """All four kinds of parameters."""

    text: str = intermodal.parameter(default="plain")
    number: int = intermodal.parameter(default=1)
    raw: bytes = intermodal.parameter(default=b"raw")
    flag: bool = intermodal.parameter(default=False)

    @intermodal.enter()
    def begin(self) -> None:
        """They are there already."""
        self.ready = f"{self.text}-{self.number}"

    @intermodal.method()
    def look(self) -> tuple[str, tuple[str, int, bytes, bool], str]:
        """The container, and the parameters."""
        return CONTAINER, (self.text, self.number, self.raw, self.flag), self.ready

    @intermodal.method()
    def double(self, x: int) -> int:
        """Call another method here."""
        return self.twice(x)

    def twice(self, x: int) -> int:
        """Not for callers."""
        return 2 * x


@app.cls(**SMALL)
class Required:
    """A parameter without a default."""

    name: str = intermodal.parameter()

    @intermodal.method()
    def look(self) -> str:
        """The parameter."""
        return self.name


@app.cls(enable_memory_snapshot=True, scaledown_window=1, **SMALL)
class Snapped:
    """Prepared once, then started from that."""

    @intermodal.enter(snap=True)
    def before(self) -> None:
        """Before the snapshot."""
        self.order = ["snap"]
        self.made = time.time()

    @intermodal.enter()
    def after(self) -> None:
        """In each container."""
        self.order.append("enter")

    @intermodal.method()
    def look(self, seconds: float = 0.0) -> tuple[list[str], float, float]:
        """What ran, when the snapshot was made, and a random number."""
        time.sleep(seconds)
        return self.order, self.made, random.random()


ending = intermodal.App("conformance-ending")


@ending.cls(**SMALL)
class Ending:
    """What happens when its app ends."""

    @intermodal.method()
    def work(self, seconds: float) -> None:
        """Tell that it begins and that it ends."""
        print("work begins", flush=True)
        time.sleep(seconds)
        print("work ends", flush=True)

    @intermodal.exit()
    def bye(self) -> None:
        """After the work."""
        print("exit runs", flush=True)
