"""Lex Python's whole standard library with pygments, over containers on this machine.

intermodal run docs/examples/lex_stdlib.py
intermodal run docs/examples/lex_stdlib.py --limit 200
"""

import os
import sysconfig
import time
from collections import Counter
from pathlib import Path

import intermodal as modal

app = modal.App("lex-stdlib")
image = modal.Image.debian_slim().pip_install("pygments==2.19.2")


@app.function(image=image)
def lex(name: str, source: str) -> tuple[str, Counter, str, float]:
    """Count one module's tokens by kind; also says which container did it and how many seconds of cpu it took."""
    from pygments.lexers import PythonLexer

    began = time.thread_time()
    counts: Counter = Counter()
    for token, text in PythonLexer().get_tokens(source):
        counts[token[0] if token else "Other"] += len(text) > 0
    return name, counts, os.environ.get("HOSTNAME", "") or os.uname().nodename, time.thread_time() - began


def modules(limit: int | None) -> list[tuple[str, str]]:
    """Name and text of every module of the standard library that is UTF-8."""
    root = Path(sysconfig.get_path("stdlib"))
    found = []
    for path in sorted(root.rglob("*.py")):
        name = str(path.relative_to(root))
        if name.startswith(("site-packages", "dist-packages")):
            continue
        try:
            found.append((name, path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
        if limit is not None and len(found) == limit:
            break
    return found


@app.local_entrypoint()
def main(limit: int | None = None):
    """Lex the standard library. `--limit` takes that many modules only."""
    work = modules(limit)
    print(f"{len(work)} modules, {sum(len(text) for _, text in work) / 1e6:.1f} MB of source")

    began = time.perf_counter()
    total: Counter = Counter()
    containers = set()
    cpu = 0.0
    for _, counts, container, seconds in lex.starmap(work, order_outputs=False):
        total += counts
        containers.add(container)
        cpu += seconds
    wall = time.perf_counter() - began

    print(f"\n{'token':<12}{'count':>12}{'share':>9}")
    everything = sum(total.values())
    for kind, count in total.most_common(8):
        print(f"{kind:<12}{count:>12,}{count / everything:>9.1%}")
    print(f"{'all':<12}{everything:>12,}")
    print(f"\n{len(containers)} containers, {wall:.1f} s; one process: {cpu:.1f} s; {cpu / wall:.1f} x faster")
