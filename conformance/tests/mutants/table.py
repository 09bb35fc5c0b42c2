"""Every mutant, with the requirement that must catch it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

__all__ = ["MUTANTS", "Mutant", "as_markdown"]

_HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One planted bug.

    Args:
        name: "KIND.MODULE": the plugin is the module `mutants.KIND.MODULE`.
        requirement: the id in the suite's manifest that must find it.
        caught: the statuses of the requirement that count as found.
        harmless: the requirement that must pass all the same, so that the suite is seen to find the bug, not a ruin.
        late: tests find it by waiting in vain: they get a shorter deadline, and the first failure ends the run. The
            harmless requirement comes before that, as its tests do in the suite.
        hangs: the same, where nothing harmless comes before or can be expected to pass.
        settings: environment of the run.
    """

    name: str
    requirement: str
    caught: frozenset[str] = frozenset({"fail"})
    harmless: str | None = "call.context"
    late: bool = False
    hangs: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """backend, engine or guest."""
        return self.name.partition(".")[0]

    @property
    def plugin(self) -> str:
        """What `-p` takes."""
        return f"mutants.{self.name}"

    @property
    def keeps(self) -> str | None:
        """The harmless requirement, where it can be tested."""
        return None if self.hangs else self.harmless

    @cached_property
    def does(self) -> str:
        """What is wrong with it: the first line of its module."""
        source = _HERE.joinpath(*self.name.split(".")).with_suffix(".py").read_text()
        return (ast.get_docstring(ast.parse(source)) or "").splitlines()[0]


_GPUS = {"INTERMODAL_LOCAL_GPUS": "H100:2"}
#: Core keeps none ready: the suite does.
_NONE_AHEAD = {"INTERMODAL_PREWARM": "false"}
_PROCESS = {"INTERMODAL_LOCAL_ISOLATION": "process"}

MUTANTS: tuple[Mutant, ...] = (
    Mutant(name="backend.swallows_stderr", requirement="launcher.output"),
    Mutant(name="backend.loses_last_output", requirement="launcher.output"),
    Mutant(name="backend.reports_exit_twice", requirement="launcher.exit-once"),
    Mutant(name="backend.never_reports_exit", requirement="launcher.exit-once", hangs=True),
    Mutant(name="backend.hides_out_of_memory", requirement="launcher.oom"),
    Mutant(name="backend.ignores_memory_limit", requirement="launcher.oom", late=True),
    Mutant(name="backend.forgets_signal", requirement="launcher.signals"),
    Mutant(name="backend.forgets_exec_code", requirement="launcher.exec"),
    Mutant(name="backend.launches_what_was_cancelled", requirement="launcher.cancel", late=True),
    Mutant(name="backend.leaves_daemons", requirement="launcher.descendants", late=True, settings=_PROCESS),
    Mutant(name="backend.counts_no_processes", requirement="launcher.pids", late=True),
    Mutant(name="backend.lends_spares_to_anybody", requirement="launcher.prewarm", settings=_NONE_AHEAD),
    Mutant(name="backend.forgets_spares", requirement="launcher.prewarm", settings=_NONE_AHEAD, late=True),
    Mutant(name="backend.leaves_processes", requirement="leftovers"),
    Mutant(name="backend.dies_midway", requirement="retry.policy", harmless=None),
    Mutant(name="backend.loses_descriptors", requirement="call.identity"),
    Mutant(name="backend.shares_files", requirement="launcher.filesystem"),
    Mutant(name="backend.lets_network_through", requirement="launcher.network"),
    Mutant(name="backend.drops_environment", requirement="image.steps"),
    Mutant(name="backend.shares_gpus", requirement="gpu.request", settings=_GPUS),
    Mutant(name="backend.keeps_gpus", requirement="gpu.request", hangs=True, settings=_GPUS),
    Mutant(name="backend.forgets_gpus_of_others", requirement="gpu.exclusive", settings=_GPUS),
    Mutant(name="backend.hides_gpus_of_steps", requirement="image.resources", settings=_GPUS),
    Mutant(name="backend.caches_images_by_name", requirement="builder.cache"),
    Mutant(name="backend.builds_for_itself", requirement="builder.concurrent"),
    Mutant(name="backend.hides_failed_build", requirement="builder.failure"),
    Mutant(name="backend.forgets_workdir", requirement="image.defaults"),
    Mutant(name="backend.shows_host_packages", requirement="image.environment"),
    Mutant(name="backend.swaps_late", requirement="storage.cas"),
    Mutant(name="engine.gives_value_once", requirement="call.spawn"),
    Mutant(name="engine.reorders_map", requirement="map.order"),
    Mutant(name="engine.wraps_returned_exceptions", requirement="map.errors"),
    Mutant(name="engine.reads_all_inputs_ahead", requirement="map.lazy"),
    Mutant(name="engine.starves_second_map", requirement="map.fair"),
    Mutant(name="engine.forgets_backpressure", requirement="gen.stream", late=True),
    Mutant(name="engine.drops_fence", requirement="retry.policy"),
    Mutant(name="engine.forgets_a_retry", requirement="retry.policy"),
    Mutant(name="engine.charges_lost_container", requirement="retry.policy"),
    Mutant(name="engine.gives_up_at_first_loss", requirement="retry.policy"),
    Mutant(name="engine.never_times_out", requirement="call.timeout", hangs=True),
    Mutant(name="engine.deadlocks_nested_calls", requirement="call.nested", hangs=True),
    Mutant(name="engine.ignores_cancellation", requirement="conc.cancel", late=True),
    Mutant(name="engine.runs_two_at_once", requirement="conc.single"),
    Mutant(name="engine.exceeds_concurrency", requirement="conc.inputs"),
    Mutant(name="engine.ignores_max_containers", requirement="scale.limits"),
    Mutant(name="engine.stops_no_idle_container", requirement="scale.limits", late=True),
    Mutant(name="engine.overcommits", requirement="scale.resources", late=True),
    Mutant(name="engine.batches_late", requirement="batch.form"),
    Mutant(name="engine.batches_too_many", requirement="batch.form", hangs=True),
    Mutant(name="engine.shares_pool_of_parameters", requirement="cls.parameters"),
    Mutant(name="engine.grants_no_grace", requirement="cls.exit-grace"),
    Mutant(name="engine.changes_images", requirement="image.immutable"),
    Mutant(name="engine.tears_blobs", requirement="storage.torn-put"),
    Mutant(name="engine.mixes_outputs", requirement="sandbox.exec"),
    Mutant(name="engine.hides_end_of_sandbox", requirement="sandbox.end"),
    Mutant(name="engine.keeps_tunnels", requirement="sandbox.net"),
    Mutant(name="engine.shares_names", requirement="sandbox.names"),
    Mutant(name="engine.keeps_ended_apps", requirement="app.ephemeral"),
    Mutant(name="engine.hides_failed_requests", requirement="web.kinds"),
    Mutant(name="engine.mixes_up_urls", requirement="web.lookup"),
    Mutant(name="engine.ends_old_versions_at_once", requirement="deploy.rolling"),
    Mutant(name="engine.serves_broken_versions", requirement="deploy.rolling"),
    Mutant(name="engine.forgets_deployments", requirement="deploy.lookup"),
    Mutant(name="engine.runs_slots_twice", requirement="deploy.schedule"),
    Mutant(name="engine.ships_old_files", requirement="image.context"),
    Mutant(name="engine.forgets_whose_line", requirement="log.lines"),
    Mutant(name="engine.tears_lines", requirement="log.lines"),
    Mutant(name="engine.mixes_up_lines", requirement="log.lines"),
    Mutant(name="engine.forgets_failures", requirement="log.errors"),
    Mutant(name="engine.stacks_queue", requirement="queue.*"),
    Mutant(name="engine.races_for_dict_key", requirement="dict.*"),
    Mutant(name="engine.prints_secrets", requirement="secret.*"),
    Mutant(name="engine.requires_nothing", requirement="secret.*"),
    Mutant(name="engine.asserts_old_writes", requirement="volume.commit"),
    Mutant(name="engine.forgets_last_writes", requirement="volume.commit"),
    Mutant(name="engine.commits_only_at_the_end", requirement="volume.commit", late=True),
    Mutant(name="engine.forgets_renamed", requirement="volume.commit"),
    Mutant(name="engine.publishes_half", requirement="volume.crash"),
    Mutant(name="engine.writes_to_read_only_buckets", requirement="bucket.mount"),
    Mutant(name="engine.forgets_what_sandboxes_wrote", requirement="volume.commit"),
    Mutant(name="guest.keeps_removed_files", requirement="sandbox.files"),
    Mutant(name="guest.forgets_exception_type", requirement="call.errors"),
    Mutant(name="guest.mixes_up_inputs", requirement="call.context", harmless="map.kwargs"),
    Mutant(name="guest.collects_generator", requirement="gen.stream", late=True),
    Mutant(name="guest.cancels_neighbours", requirement="conc.cancel"),
    Mutant(name="guest.blames_neighbours", requirement="batch.errors"),
    Mutant(name="guest.fills_short_batches", requirement="batch.errors"),
    Mutant(name="guest.enters_twice", requirement="cls.lifecycle"),
    Mutant(name="guest.enters_in_reverse", requirement="cls.lifecycle"),
    Mutant(name="guest.skips_exit", requirement="cls.lifecycle", late=True),
    Mutant(name="guest.exits_after_failed_enter", requirement="cls.enter-fails"),
    Mutant(name="guest.raises_secrets", requirement="secret.*"),
    Mutant(name="guest.loses_half_lines", requirement="log.lines", late=True),
)


def as_markdown() -> str:
    """The table for people."""
    rows = [f"| `{m.name.partition('.')[2]}` | {m.kind} | `{m.requirement}` | {m.does} |" for m in MUTANTS]
    return "\n".join(["| mutant | kind | caught by | what it does |", "|---|---|---|---|", *rows])
