"""Named queues, and how many items wait in which partition. What items are is the programs' own."""

from __future__ import annotations

from intermodal.dashboard.named import matching, part_of, request
from intermodal.dashboard.pages import Ask, Page, Shown, paged

__all__ = ["PAGE", "PARTITIONS"]


async def _show(ask: Ask) -> Shown:
    found = (await request(ask, "queue.list", environment="")).value
    search = matching(ask)
    rows, page = part_of(ask, [each for each in found if search in each["name"]])
    return {"queues": rows, "page": page, "search": search}


async def _show_partitions(ask: Ask) -> Shown:
    name, part = ask.path["name"], paged(ask)
    known = await request(ask, "queue.create", name=name, environment="", create_if_missing=False)
    asked = {"id": known.value["id"], "limit": part.limit, "offset": part.offset}
    found = (await request(ask, "queue.partitions", **asked)).value
    return {"name": name, "partitions": found["partitions"], "page": part.of(found["total"])}


PAGE = Page("queues", "queues.html", _show, title="Queues", icon="queue")
PARTITIONS = Page("queues/{name}", "queue.html", _show_partitions, section="queues")
