"""Lex Python's whole standard library with pygments, over containers on this machine.

The report is kept on a volume: what has not changed since an earlier run is not lexed again.

intermodal run docs/examples/lex_stdlib.py
intermodal run docs/examples/lex_stdlib.py --limit 200
"""

import hashlib
import io
import json
import os
import sysconfig
import time
from collections import Counter
from pathlib import Path

import intermodal as modal

app = modal.App("lex-stdlib")
image = modal.Image.debian_slim().pip_install("pygments==2.19.2")
volume = modal.Volume.from_name("lex-stdlib", create_if_missing=True)
REPORT = "/report.json"


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


def digest(source: str) -> str:
    """What a module's counts are kept under."""
    return hashlib.sha256(source.encode()).hexdigest()


def kept_report() -> dict[str, dict[str, int]]:
    """Counts by the digest of the source, from earlier runs."""
    try:
        return json.loads(b"".join(volume.read_file(REPORT)))
    except FileNotFoundError:
        return {}


def keep(report: dict[str, dict[str, int]]):
    """Publish the report for the next run."""
    with volume.batch_upload(force=True) as batch:
        batch.put_file(io.BytesIO(json.dumps(report).encode()), REPORT)


@app.local_entrypoint()
def main(limit: int | None = None, fresh: bool = False):
    """Lex the standard library. `--limit` takes that many modules only, `--fresh` forgets earlier runs."""
    everything = modules(limit)
    known = {} if fresh else kept_report()
    report = {digest(text): known[digest(text)] for _, text in everything if digest(text) in known}
    work = [(name, text) for name, text in everything if digest(text) not in report]
    print(f"{len(everything)} modules, {sum(len(text) for _, text in everything) / 1e6:.1f} MB of source")
    print(f"{len(everything) - len(work)} of them have not changed since an earlier run")

    began = time.perf_counter()
    sources = dict(work)
    containers = set()
    cpu = 0.0
    for name, counts, container, seconds in lex.starmap(work, order_outputs=False):
        report[digest(sources[name])] = counts
        containers.add(container)
        cpu += seconds
    wall = time.perf_counter() - began
    keep(report)

    total: Counter = Counter()
    for _, text in everything:
        total.update(report[digest(text)])

    print(f"\n{'token':<12}{'count':>12}{'share':>9}")
    tokens = sum(total.values())
    for kind, count in total.most_common(8):
        print(f"{kind:<12}{count:>12,}{count / tokens:>9.1%}")
    print(f"{'all':<12}{tokens:>12,}")
    print(f"\n{len(containers)} containers, {wall:.1f} s; one process: {cpu:.1f} s; {cpu / wall:.1f} x faster")
