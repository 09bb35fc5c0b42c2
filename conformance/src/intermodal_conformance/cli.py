"""The command: runs the suite in a process of its own, keeps the time, and makes the verdict from its journal."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from intermodal.specs import SPEC_VERSION
from intermodal_conformance import report, traces
from intermodal_conformance.deviations import UsageError, read_deviations
from intermodal_conformance.journal import read_journal
from intermodal_conformance.manifest import load_manifest
from intermodal_conformance.profiles import PROFILES, Profile
from intermodal_conformance.verdict import Run, judge

__all__ = ["main"]

_PACKAGE = Path(__file__).parent
#: Seconds that the process gets to end by itself after it was told to.
_PATIENCE_S = 20.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code: 0 conformant, 1 not conformant, 2 usage, 3 no verdict, 4 inconclusive."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments[:1] == ["matrix"]:
            return _matrix(arguments[1:])
        return _run(_parser().parse_args(arguments))
    except UsageError as error:
        print(f"intermodal-conformance: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="intermodal-conformance",
        description="Does a backend keep the rules? `intermodal-conformance matrix FILE...` makes a table of reports.",
    )
    parser.add_argument("--backend", default="local", help="the backend's name (default: %(default)s)")
    parser.add_argument("--profile", default="ci", choices=sorted(PROFILES), help="how much is tried")
    parser.add_argument("--deviations", type=Path, help="a TOML file of known failures")
    parser.add_argument("--json", type=Path, help="write the report there")
    parser.add_argument("--seed", type=int, help="try other random programs than the profile's fixed ones")
    parser.add_argument("--database", type=Path, help="where failing programs are kept from run to run")
    parser.add_argument("--data-dir", type=Path, help="keep the backend's data there (default: a new directory)")
    parser.add_argument("--deadline", type=float, help="seconds for the whole run (default: the profile's)")
    parser.add_argument("--test-deadline", type=float, help="seconds for each test (default: the profile's)")
    parser.add_argument("-p", dest="plugins", action="append", default=[], help="load this plugin of intermodal, too")
    partial = parser.add_argument_group("while developing; there is no verdict then")
    partial.add_argument("--only", default="", help="test these requirements only, separated by commas")
    partial.add_argument("-k", dest="keyword", help="as in pytest")
    partial.add_argument("-x", dest="first", action="store_true", help="stop at the first failure, as in pytest")
    partial.add_argument("--pdb", action="store_true", help="as in pytest")
    partial.add_argument("-n", dest="workers", help="as in pytest-xdist")
    parser.add_argument("-v", dest="verbose", action="store_true", help="show pytest's own output")
    return parser


def _matrix(files: Sequence[str]) -> int:
    if not files or files[0].startswith("-"):
        raise UsageError("usage: intermodal-conformance matrix FILE.json...")
    try:
        print(report.matrix([Path(file) for file in files]))
    except ValueError as error:
        raise UsageError(str(error)) from None
    return 0


def _run(options: argparse.Namespace) -> int:
    manifest = load_manifest()
    if manifest.spec != SPEC_VERSION:
        raise UsageError(
            f"this suite judges version {manifest.spec} of the rules, and the installed intermodal-core keeps version "
            f"{SPEC_VERSION}: install the intermodal-conformance that was released with it"
        )
    only = [name for name in options.only.split(",") if name]
    for name in only:
        if name not in manifest.requirements:
            raise UsageError(f"there is no requirement {name!r}; there are: {', '.join(manifest.requirements)}")
    deviations = read_deviations(options.deviations, manifest)
    selection = _selection(options)
    profile = PROFILES[options.profile]
    with tempfile.TemporaryDirectory(prefix="intermodal-conformance-", ignore_cleanup_errors=True) as folder:
        ended = _suite(options, profile, Path(folder), interactive=options.pdb)
        run = Run(read_journal(Path(folder, "journal")))
    if run.usage is not None:
        raise UsageError(run.usage)
    run.selection += selection
    verdict = judge(manifest, run, deviations, today=datetime.date.today(), killed=ended.words)
    if options.json is not None:
        content = report.as_json(manifest, verdict, run, deviations)
        options.json.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    print("\n".join(report.lines(verdict, only)))
    print()
    for reason in verdict.reasons:
        print(f"- {reason}")
    if verdict.word == "conformant":
        print(f"conformant: {report.claim(manifest, verdict, run, deviations)}")
    else:
        print(f"{options.backend}: {verdict.word}")
    return verdict.exit_code


def _selection(options: argparse.Namespace) -> list[str]:
    chosen = {"-k": options.keyword, "-x": options.first, "--pdb": options.pdb, "-n": options.workers}
    return [name for name, value in chosen.items() if value]


@dataclass(frozen=True, slots=True)
class Ended:
    """How the process that ran the suite ended. `words` say so where it did not end by itself."""

    code: int
    words: str | None = None


def _suite(options: argparse.Namespace, profile: Profile, folder: Path, *, interactive: bool) -> Ended:
    command = [sys.executable, "-m", "pytest", *_pytest_arguments(options, folder)]
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")
    }
    environment["INTERMODAL_DATA_DIR"] = str(options.data_dir or folder / "data")
    environment.setdefault("INTERMODAL_GRACE_S", "5")
    output = None if options.verbose or interactive else open(folder / "output", "wb")  # noqa: SIM115
    traces.adopt_orphans()
    process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    limit = None if interactive else options.deadline or profile.run_deadline_s
    try:
        code = process.wait(limit)
    except subprocess.TimeoutExpired:
        _end(process)
        return Ended(process.returncode, f"the run did not end within {limit:g} s and was killed")
    except KeyboardInterrupt:
        _end(process)
        return Ended(process.returncode, "the run was interrupted")
    finally:
        if output is not None:
            output.close()
        # What a dead process leaves behind may still be clearing up.
        traces.settle(set(), _PATIENCE_S)
    if code < 0:
        return Ended(code, f"the process that ran the suite was killed by {signal.Signals(-code).name}")
    if code not in (0, 1, 2) and output is not None:
        sys.stderr.buffer.write((folder / "output").read_bytes()[-4000:])
    return Ended(code)


def _pytest_arguments(options: argparse.Namespace, folder: Path) -> list[str]:
    seed = options.seed
    if seed is None and PROFILES[options.profile].random:
        seed = random.randrange(1 << 32)
    arguments = ["-c", str(_PACKAGE / "suite" / "pytest.ini"), "--rootdir", str(_PACKAGE), str(_PACKAGE / "suite")]
    arguments += ["-p", "intermodal_conformance.plugin", "-p", "no:cacheprovider", "-p", "no:timeout"]
    arguments += ["--backend", options.backend, "--conformance-profile", options.profile]
    arguments += ["--conformance-journal", str(folder / "journal"), "--conformance-plugins", ",".join(options.plugins)]
    if seed is not None:
        arguments += ["--conformance-seed", str(seed), f"--hypothesis-seed={seed}"]
    if options.test_deadline is not None:
        arguments += ["--conformance-test-deadline", str(options.test_deadline)]
    if options.database is not None:
        arguments += ["--conformance-database", str(options.database)]
    if options.only:
        arguments += ["--only", options.only]
    if options.keyword:
        arguments += ["-k", options.keyword]
    arguments += ["-x"] * options.first + ["--pdb"] * options.pdb
    if options.workers:
        arguments += ["-n", options.workers]
    return arguments


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the process to end, then make it. What it started below itself ends with it: backends see to that."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        process.send_signal(number)
        try:
            process.wait(_PATIENCE_S if number != signal.SIGKILL else None)
            return
        except subprocess.TimeoutExpired:
            continue


if __name__ == "__main__":
    sys.exit(main())
