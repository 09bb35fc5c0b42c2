"""What `@app.function` and `@app.cls` accept, checked at definition and lowered to what a spec holds."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from intermodal.client.checking import kinds_of, refuse
from intermodal.definitions.gpu import parse_gpu
from intermodal.definitions.naming import check_variables
from intermodal.definitions.partial import concurrency
from intermodal.definitions.retries import Retries, retry_policy
from intermodal.definitions.secrets import Secret
from intermodal.definitions.spellings import older, renamed
from intermodal.exception import CapabilityNotSupported, InvalidError
from intermodal.specs import Resources, RetryPolicy, Scaling, to_json

if TYPE_CHECKING:
    from intermodal.definitions.image import Image
    from intermodal.definitions.schedules import Schedule

__all__ = ["Behaviour", "changed_fields", "check_types", "pair", "plain_env", "settings"]

#: Older keywords and today's (head of semantics.md).
RENAMED = {
    "keep_warm": "min_containers",
    "concurrency_limit": "max_containers",
    "container_idle_timeout": "scaledown_window",
    "secret": "secrets",
    "checkpointing_enabled": "enable_memory_snapshot",
}

#: Keywords that Modal's users know and that have no meaning where containers run on the user's own machines.
REFUSED = {
    "cloud": "the backend decides where containers run: remove it, and choose with --backend",
    "region": "the backend decides where containers run: remove it, and choose with --backend",
    "routing_region": "the backend decides where containers run: remove it",
    "nonpreemptible": "nothing preempts containers here: remove it",
    "proxy": "containers use the network of their backend: remove it",
    "i6pn": "containers have no private IPv6 network: remove it",
    "network_file_systems": "use volumes={path: intermodal.Volume.from_name(...)}",
    "mounts": "use image=Image.debian_slim().add_local_dir(...) or .add_local_python_source(...)",
    "mount": "use image=Image.debian_slim().add_local_dir(...) or .add_local_python_source(...)",
    "ephemeral_disk": "containers share the disk of their host: remove it",
    "restrict_modal_access": "not supported: a container can always call its own app's functions",
    "experimental_options": "there are none: remove it",
    "interactive": "use `intermodal shell FILE::FUNCTION` for a terminal in the image",
}


@dataclass(frozen=True)
class Behaviour:
    """How a function or class runs. Fields but the last four are those of `FunctionSpec`."""

    resources: Resources = Resources()
    scaling: Scaling = Scaling()
    retries: RetryPolicy | None = None
    timeout_s: float = 300.0
    startup_timeout_s: float | None = None
    max_inputs: int = 1
    target_inputs: int | None = None
    env: tuple[tuple[str, str], ...] = ()
    block_network: bool = False
    snapshot: bool = False
    single_use: bool = False
    image: Image | None = None
    secrets: tuple[Secret, ...] = ()
    volumes: Mapping[str, Any] = field(default_factory=dict)
    schedule: Schedule | None = None

    def spec_fields(self) -> dict[str, Any]:
        """The fields that a `FunctionSpec` has too, for its constructor."""
        return {each.name: getattr(self, each.name) for each in fields(self)[:-4]}


def changed_fields(base: Behaviour, changed: Behaviour, **more: Any) -> str:
    """The options of a call target: JSON of the spec fields in which `changed` differs, and `more`; "" for none."""
    old, new = base.spec_fields(), changed.spec_fields()
    different = {name: to_json(value) for name, value in new.items() if value != old[name]}
    different.update((name, to_json(value)) for name, value in more.items())
    return json.dumps(different, sort_keys=True) if different else ""


def settings(where: str, base: Behaviour, given: Mapping[str, Any]) -> Behaviour:
    """`base` with the keywords that a user gave; None means: not given.

    Raises:
        InvalidError: an unknown keyword or a wrong value, naming `where` and the keyword.
        CapabilityNotSupported: a keyword that means nothing here.
    """
    options = {name: value for name, value in given.items() if value is not None}
    options = _older_forms(where, renamed(where, options, RENAMED))
    for name in [name for name in options if name not in _READERS]:
        value = options.pop(name)
        if name not in REFUSED:
            raise InvalidError(f"{where} has no option {name!r}; it has: {', '.join(sorted(_READERS))}")
        if value:
            raise CapabilityNotSupported(name, hint=f"{where}({name}=...): {REFUSED[name]}")
    check_types(where, options)
    changes: dict[str, Any] = {}
    try:
        for name, value in options.items():
            _READERS[name](base, value, changes)
    except InvalidError as error:
        raise InvalidError(f"{where}: {error}") from None
    result = replace(base, **changes)
    scaling = result.scaling
    if scaling.max_containers is not None and scaling.min_containers > scaling.max_containers:
        raise InvalidError(
            f"{where}: min_containers={scaling.min_containers} is more than max_containers={scaling.max_containers}"
        )
    return result


def _older_forms(where: str, options: dict[str, Any]) -> dict[str, Any]:
    if "allow_concurrent_inputs" in options:
        older(f"{where}(allow_concurrent_inputs=)", "@intermodal.concurrent(max_inputs=...)")
    if "max_inputs" in options:
        if options.pop("max_inputs") != 1:
            raise InvalidError(f"{where}: max_inputs= takes only 1; for several at once use @intermodal.concurrent")
        older(f"{where}(max_inputs=1)", "single_use_containers=True")
        options["single_use_containers"] = True
    if isinstance(options.get("secrets"), Secret):
        options["secrets"] = [options["secrets"]]
    return options


def check_types(where: str, options: Mapping[str, Any]) -> None:
    """Keywords given by name are of the types that `@app.function` has them in. Raises `InvalidError`."""
    from intermodal.definitions.app import App

    found = kinds_of(inspect.unwrap(App.function), method=True).wrong_by_name(options)
    if found is not None:
        refuse(where, *found)


def plain_env(env: Mapping[str, str | None]) -> tuple[tuple[str, str], ...]:
    """Environment variables; None leaves one out. Raises `InvalidError`: one has a name that none can have."""
    check_variables("env", env)
    return tuple((name, value) for name, value in env.items() if value is not None)


def _at_least(name: str, value: Any, low: float) -> Any:
    if value < low:
        raise InvalidError(f"{name}={value} must be a number of at least {low:g}")
    return value


def pair(name: str, value: Any, low: float) -> tuple[Any, Any]:
    """A number, or (request, limit); the limit is None where there is none. Raises `InvalidError`."""
    if isinstance(value, (tuple, list)):
        request, limit = (_at_least(name, each, low) for each in value)
        if limit < request:
            raise InvalidError(f"{name}={tuple(value)}: the limit is below the request")
        return request, limit
    return _at_least(name, value, low), None


def _cpu(base: Behaviour, value: Any, changes: dict[str, Any]) -> None:
    request, limit = pair("cpu", value, 0.001)
    _resources(base, changes, cpu=float(request), cpu_limit=None if limit is None else float(limit))


def _memory(base: Behaviour, value: Any, changes: dict[str, Any]) -> None:
    request, limit = pair("memory", value, 1)
    _resources(base, changes, memory=request, memory_limit=limit)


def _gpu(base: Behaviour, value: Any, changes: dict[str, Any]) -> None:
    _resources(base, changes, gpu=parse_gpu(value))


def _resources(base: Behaviour, changes: dict[str, Any], **values: Any) -> None:
    changes["resources"] = replace(changes.get("resources", base.resources), **values)


def _scaling(name: str, spec_name: str, low: float) -> Any:
    def read(base: Behaviour, value: Any, changes: dict[str, Any]) -> None:
        number = _at_least(name, value, low)
        new = {spec_name: float(number) if spec_name == "window_s" else number}
        changes["scaling"] = replace(changes.get("scaling", base.scaling), **new)

    return read


def _seconds(name: str, spec_name: str) -> Any:
    def read(base: Behaviour, value: Any, changes: dict[str, Any]) -> None:
        changes[spec_name] = float(_at_least(name, value, 0.001))

    return read


def _flag(spec_name: str) -> Any:
    def read(base: Behaviour, value: Any, changes: dict[str, Any]) -> None:
        changes[spec_name] = value

    return read


def _retries(base: Behaviour, value: int | Retries, changes: dict[str, Any]) -> None:
    changes["retries"] = retry_policy(value)


def _env(base: Behaviour, value: Any, changes: dict[str, Any]) -> None:
    changes["env"] = tuple({**dict(base.env), **dict(plain_env(value))}.items())


def _secrets(base: Behaviour, value: Sequence[Secret], changes: dict[str, Any]) -> None:
    changes["secrets"] = (*base.secrets, *value)


def _volumes(base: Behaviour, value: Mapping[Any, Any], changes: dict[str, Any]) -> None:
    from intermodal.definitions.mount_paths import mounted

    changes["volumes"] = mounted(base.volumes, value)


def _image(base: Behaviour, value: Image, changes: dict[str, Any]) -> None:
    changes["image"] = value


def _concurrency(base: Behaviour, value: Any, changes: dict[str, Any]) -> None:
    changes["max_inputs"] = concurrency(value).max_inputs


def _schedule(base: Behaviour, value: Schedule, changes: dict[str, Any]) -> None:
    changes["schedule"] = value


_READERS: dict[str, Any] = {
    "image": _image,
    "secrets": _secrets,
    "volumes": _volumes,
    "schedule": _schedule,
    "env": _env,
    "gpu": _gpu,
    "cpu": _cpu,
    "memory": _memory,
    "retries": _retries,
    "timeout": _seconds("timeout", "timeout_s"),
    "startup_timeout": _seconds("startup_timeout", "startup_timeout_s"),
    "min_containers": _scaling("min_containers", "min_containers", 0),
    "max_containers": _scaling("max_containers", "max_containers", 1),
    "buffer_containers": _scaling("buffer_containers", "buffer_containers", 0),
    "scaledown_window": _scaling("scaledown_window", "window_s", 0),
    "enable_memory_snapshot": _flag("snapshot"),
    "block_network": _flag("block_network"),
    "single_use_containers": _flag("single_use"),
    "allow_concurrent_inputs": _concurrency,
}
