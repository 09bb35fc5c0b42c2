"""Crawl a small made-up web with workers that share a queue and a dictionary.

intermodal run docs/examples/crawler.py
intermodal run docs/examples/crawler.py --workers 4 --pages 300
"""

import json
import logging

import intermodal as modal

app = modal.App("crawler")
log = logging.getLogger("crawler")


def links_of(page: int, pages: int) -> list[int]:
    """What a page of this web links to."""
    return sorted({(page * 7 + 1) % pages, (page * 3 + 2) % pages, page // 2})


@app.function()
@modal.concurrent(max_inputs=8)
async def fetch(page: int, pages: int) -> list[int]:
    """A page's links. One container fetches several at once, as waiting costs no processor. Each 17th page is gone."""
    import asyncio

    await asyncio.sleep(0.001)
    if page % 17 == 16:
        raise FileNotFoundError(f"page {page} is gone")
    return links_of(page, pages)


@app.function(timeout=60)
def work(todo: modal.Queue, seen: modal.Dict, pages: int) -> int:
    """Fetch pages from the queue until None comes; how many it were."""
    logging.basicConfig(level=logging.INFO)
    done = 0
    while (page := todo.get()) is not None:
        try:
            links = fetch.remote(page, pages)
        except FileNotFoundError as error:
            log.info(json.dumps({"event": "broken", "page": page, "error": str(error)}))
            links = []
        fresh = [link for link in links if seen.put(link, "found", skip_if_exists=True)]
        seen[page] = f"{len(links)} links" if links else "broken"
        todo.put_many(fresh)
        todo.put(len(fresh), partition="progress")
        done += 1
    return done


@app.local_entrypoint()
def main(workers: int = 2, pages: int = 60):
    """Start workers, wait until no page is left that nobody has fetched, and let the workers go home."""
    with modal.Queue.ephemeral() as todo, modal.Dict.ephemeral() as seen:
        seen[0] = "found"
        todo.put(0)
        calls = [work.spawn(todo, seen, pages) for _ in range(workers)]
        left = 1
        while left:
            left += todo.get(timeout=60, partition="progress") - 1
        todo.put_many([None] * workers)
        done = modal.FunctionCall.gather(*calls)
        broken = sorted(page for page, what in seen.items() if what == "broken")
        print(f"{sum(done)} of {pages} pages were found, each once: {len(seen)}")
        print(f"broken: {broken}")
