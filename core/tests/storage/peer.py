"""Another engine's process for tests: requests as JSON lines on its stdin, replies as they come on its stdout."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from pathlib import Path
from typing import Any

from intermodal.storage import RequestError, StateService


async def answer(service: StateService, asked: dict[str, Any]) -> None:
    segments = [bytes.fromhex(segment) for segment in asked["segments"]]
    try:
        reply = await service.handle(asked["method"], asked["params"], segments)
        answered = {"value": reply.value, "segments": [segment.hex() for segment in reply.segments]}
    except RequestError as error:
        answered = {"error": error.error, "message": error.message}
    print(json.dumps({"number": asked["number"], **answered}), flush=True)


async def main(data_dir: Path) -> None:
    service = StateService(data_dir)
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, "")

    threading.Thread(target=read, daemon=True).start()
    tasks = set()
    while line := await lines.get():
        task = loop.create_task(answer(service, json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await service.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
