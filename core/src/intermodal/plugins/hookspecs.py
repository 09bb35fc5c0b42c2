"""The hooks: everything a plugin can implement. Mark an implementation with `intermodal.plugins.hookimpl`.

A plugin is a module (or an instance) with functions of these names; each takes any subset of the named arguments. Role
factories come from backends (entry-point group `intermodal.backends`) or from any other plugin, which then wins over
the backend; `@hookimpl(wrapper=True)` lets a plugin put its own object around what another one returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

from intermodal.plugins.config import Config
from intermodal.plugins.draft import ContainerDraft
from intermodal.plugins.observations import (
    CallFinished,
    CallProgress,
    CallStarted,
    ContainerExited,
    ContainerStarted,
    DeploymentChanged,
    ImageFinished,
    ImageOutput,
    ImageStarted,
    ImageStep,
    InputFailed,
    LogLine,
    Metric,
    Notice,
)
from intermodal.plugins.options import Options
from intermodal.plugins.roles import Builder, Capabilities, GpuAllocator, Launcher
from intermodal.plugins.storage_role import Storage

if TYPE_CHECKING:
    from intermodal.plugins.host import PluginHost

__all__ = ["PROJECT_NAME", "hookimpl", "hookspec"]

PROJECT_NAME = "intermodal"

hookspec = pluggy.HookspecMarker(PROJECT_NAME)

#: Decorator for implementations: `@hookimpl`, `@hookimpl(wrapper=True)`, `@hookimpl(tryfirst=True)`,
#: `@hookimpl(trylast=True)`.
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)


# ---- lifecycle ---------------------------------------------------------------------------------------------------


@hookspec
def intermodal_addoption(options: Options) -> None:
    """Register options of configuration.

    Called by the host once per session for every plugin, when all are loaded and before any value is read. `options`
    is the
    registry: `options.add("myplugin.url", help="Where to send traces.")`. Return nothing.
    """


@hookspec
def intermodal_configure(config: Config, host: PluginHost) -> None:
    """Get ready: read configuration, refuse what is wrong with `ConfigError`.

    Called by the host once per session, after all options are registered and checked, before any role is asked for.
    `host` is for plugins that make observations of their own (`host.observe`). Return nothing.
    """


@hookspec
def intermodal_unconfigure(config: Config) -> None:
    """Let go of everything that `intermodal_configure` opened.

    Called by the host at the end of the session, after the last observation was delivered and all roles were closed;
    plugins are called in the reverse order of `intermodal_configure`. Return nothing.
    """


# ---- roles -------------------------------------------------------------------------------------------------------


@hookspec(firstresult=True)
def intermodal_builder(config: Config) -> Builder | None:
    """The object that builds images.

    Called by the host at most once per session, when the first image is needed. Return a `Builder`, or None to let the
    next plugin answer. A wrapper gets what the others gave and returns the `Builder` to use instead.
    """


@hookspec(firstresult=True)
def intermodal_launcher(config: Config) -> Launcher | None:
    """The object that starts and watches containers.

    Called by the host at most once per session, when the session starts. Return a `Launcher`, or None to let the next
    plugin answer. Wrappers as for `intermodal_builder`.
    """


@hookspec(firstresult=True)
def intermodal_gpus(config: Config) -> GpuAllocator | None:
    """The object that hands out accelerators.

    Called by the host at most once per session, when the first GPU is asked for. Return a `GpuAllocator`, or None to
    let the next plugin answer; where nobody answers there are no GPUs. Wrappers as for `intermodal_builder`.
    """


@hookspec(firstresult=True)
def intermodal_storage(config: Config) -> Storage | None:
    """The object that keeps blobs and named references.

    Called by the host at most once per session. Return a `Storage`, or None to let the next plugin answer. Last of all
    the built-in plugin `storage` answers: it keeps them under `config.data_dir`. A session puts its source and local
    files there before it builds or starts anything, and closes it at its end. Wrappers as for `intermodal_builder`.
    """


@hookspec(firstresult=True)
def intermodal_capabilities(config: Config) -> Capabilities | None:
    """What this plugin's roles can do, as product data.

    Called by the host once per session for each plugin that provides a role. Of each provider's answer only the names
    of the roles that it really provides count, so a plugin that replaces one role states that role's capabilities only.
    Return `Capabilities`; None means that nothing is supported. A wrapper sees and may change the merged statement.
    """


# ---- containers --------------------------------------------------------------------------------------------------


@hookspec
def intermodal_modify_container_spec(config: Config, draft: ContainerDraft) -> None:
    """Change a container before it is launched: add an environment variable, a mount, a limit.

    Called by the host on the driver's thread for every launch, right before the launcher, so it must be quick and must
    not block. Also for a spare that is started ahead (`intermodal.plugins.Prewarmer`), which a launch takes only if its
    own draft becomes the same, but for the id. Change `draft` in place; afterwards it is checked and frozen into a
    `ContainerSpec`. Return nothing. To refuse the container, raise `intermodal.plugins.LaunchRefused`.
    """


# ---- calls -------------------------------------------------------------------------------------------------------


@hookspec(firstresult=True)
def intermodal_trace_call(call: str, trace: str) -> str | None:
    """The trace that what runs in a call is in: code in its containers reads it, and calls that it makes are in it.

    Called by the host on the driver's thread for each call, before it starts, so it must be quick and must not block.
    `call` is its id; `trace` the one that it is made in: what the caller's tracer said
    (`intermodal.trace_calls_with`), the `traceparent` of a web request, or what this gave for the call that makes it;
    "" for none. Return text of at most 512 characters, such as a `traceparent` of W3C that names the call's own span;
    None lets the next plugin answer, and last `trace` itself. One that raises is reported once and not asked again.
    """


# ---- observers ---------------------------------------------------------------------------------------------------
# All are called by the host on one thread of its own, never on the driver's, with the records that came since the last
# time, in order. They may block; then later batches are larger. An observer that raises is reported once and gets
# nothing more. Wrappers are refused. Return nothing.


@hookspec
def intermodal_call_started(events: Sequence[CallStarted]) -> None:
    """Calls were accepted. Called soon after, in batches, by the host's observer thread. Return nothing."""


@hookspec
def intermodal_call_progress(events: Sequence[CallProgress]) -> None:
    """Running calls moved on: some records a second for each, of which the newest is enough. Return nothing."""


@hookspec
def intermodal_call_finished(events: Sequence[CallFinished]) -> None:
    """Calls ended: every input has its recorded result. Return nothing."""


@hookspec
def intermodal_input_failed(events: Sequence[InputFailed]) -> None:
    """Inputs ended as failed, each told once, before the end of its call: not the tries that are followed by another.
    What it raised is there as text, secrets hidden. Return nothing.
    """


@hookspec
def intermodal_container_started(events: Sequence[ContainerStarted]) -> None:
    """Containers became ready for inputs. Return nothing."""


@hookspec
def intermodal_container_exited(events: Sequence[ContainerExited]) -> None:
    """Containers are gone; each is told exactly once, also those that never became ready. Return nothing."""


@hookspec
def intermodal_image_started(events: Sequence[ImageStarted]) -> None:
    """Images are about to be built or found in the cache. Return nothing."""


@hookspec
def intermodal_image_step(events: Sequence[ImageStep]) -> None:
    """Steps of images begin, or are in the cache. Return nothing."""


@hookspec
def intermodal_image_output(events: Sequence[ImageOutput]) -> None:
    """Running steps of images printed lines. Return nothing."""


@hookspec
def intermodal_image_finished(events: Sequence[ImageFinished]) -> None:
    """Images are launchable, or failed. Return nothing."""


@hookspec
def intermodal_log(events: Sequence[LogLine]) -> None:
    """Containers printed lines (log.lines), structured records with their `fields`. In order for each container and
    stream. Return nothing.
    """


@hookspec
def intermodal_metric(events: Sequence[Metric]) -> None:
    """Values of time series, from `METRIC name=value[unit]` lines and from `host.observe`. Return nothing."""


@hookspec
def intermodal_notice(events: Sequence[Notice]) -> None:
    """Words for people: the engine waits for a GPU, tries an input again, refused a late result. Return nothing."""


@hookspec
def intermodal_deployment_changed(events: Sequence[DeploymentChanged]) -> None:
    """Deployments moved on: building, starting, active, draining, stopped, failed. Return nothing."""
