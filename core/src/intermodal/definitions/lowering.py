"""From an `App` to its frozen spec, the blobs that the spec names, and the values of its secrets."""

from __future__ import annotations

import importlib
import pickle
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from intermodal.client.work import Work
from intermodal.definitions.app import App, Registered
from intermodal.definitions.classes import Cls
from intermodal.definitions.composing import Composing
from intermodal.definitions.files import Blobs
from intermodal.definitions.functions import Function, method_spec
from intermodal.definitions.image import Image
from intermodal.definitions.mount_paths import buckets_of, volumes_of
from intermodal.definitions.naming import Place, place_of
from intermodal.definitions.secrets import Secret
from intermodal.definitions.source import collect_source
from intermodal.exception import InvalidError, SerializationError
from intermodal.specs import (
    AppSpec,
    CodeTarget,
    FileTree,
    FunctionSpec,
    ImageSpec,
    MountSpec,
    SecretName,
    SourceTree,
)

__all__ = ["Lowered", "LoweredImage", "lower", "lower_image"]


@dataclass(frozen=True)
class Lowered(Work):
    """What a session runs. `named` says which secrets have a name to look them up by. `by_value`: what `__main__`
    defines has no source file."""

    by_value: bool = False
    named: Mapping[str, SecretName] = field(default_factory=dict)


@dataclass(frozen=True)
class LoweredImage:
    """What a build gets: `blobs` by SHA-256, `secrets` by the names that the spec has. `mounts` are the files that
    containers see without a build."""

    spec: ImageSpec
    blobs: Blobs
    secrets: dict[str, dict[str, str]]
    mounts: tuple[MountSpec, ...] = ()


def lower_image(image: Image) -> LoweredImage:
    """Read the local files and secrets that the build of `image` uses, and freeze it. Raises as `lower`."""
    places = [place_of(function) for function in image.functions()]
    lowering = _Lowering((), None, places)
    spec, mounts = lowering.image(image)
    return LoweredImage(spec, lowering.blobs, lowering.build_secrets, mounts)


def lower(app: App) -> Lowered:
    """Read the local files and secrets that `app` uses, and freeze it.

    Raises:
        CapabilityNotSupported: it uses something that this version cannot do.
        InvalidError, NotFoundError, SerializationError: something cannot be read or pickled.
    """
    registered = app.registered
    places = [each.place for each in registered] + list(_build_places(registered))
    return _Lowering(registered, app.name, places).run()


class _Lowering:
    """One app on its way; implements `composing.Shipping`."""

    def __init__(self, registered: tuple[Registered, ...], name: str | None, places: list[Place]) -> None:
        self.blobs = Blobs()
        self._name = name
        self._registered = registered
        self._source = collect_source(places, self.blobs)
        self._images: dict[int, tuple[ImageSpec, tuple[MountSpec, ...]]] = {}
        self._default_image = Image.debian_slim()
        self._secrets: dict[int, str] = {}
        self._values: dict[str, dict[str, str]] = {}
        self.build_secrets: dict[str, dict[str, str]] = {}
        self._named: dict[str, SecretName] = {}
        self._by_value = any(place.module == "__main__" for place in places)

    def run(self) -> Lowered:
        """The whole app."""
        functions = tuple(self._function(each) for each in self._registered)
        name = self._name or (functions[0].app if functions else "app")
        functions = tuple(replace(each, app=name) for each in functions)
        return Lowered(
            AppSpec(name=name, functions=functions),
            self.blobs,
            self._values,
            self.build_secrets,
            by_value=self._by_value,
            named=self._named,
        )

    def _function(self, registered: Registered) -> FunctionSpec:
        item, behaviour = registered.item, registered.behaviour
        image, mounts = self.image(behaviour.image or self._default_image)
        source = self._source if registered.include_source else FileTree()
        details: dict[str, Any]
        if isinstance(item, Cls):
            details = {"methods": item.methods(), "is_class": True, "parameters": item.parameter_names()}
            target_app = item.app_name
        else:
            assert isinstance(item, Function)
            partial = item.partial
            details = {"methods": (method_spec("", partial),)}
            target_app = item.target.app
        return FunctionSpec(
            app=target_app,
            name=registered.name,
            key=registered.place.key,
            target=self._target(registered.raw, registered.place),
            image=image,
            source=SourceTree(tree=_without_mounted(source, mounts)),
            mounts=mounts,
            secrets=tuple(map(self._secret, behaviour.secrets)),
            volumes=volumes_of(behaviour.volumes),
            buckets=buckets_of(behaviour.volumes, self._secret),
            schedule=behaviour.schedule.spec() if behaviour.schedule is not None else None,
            **details,
            **behaviour.spec_fields(),
        )

    # ---- code -------------------------------------------------------------------------------------------------------

    def code(self, function: Callable[..., Any]) -> tuple[CodeTarget, SourceTree]:
        """A function that an image's build runs."""
        place = place_of(function)
        if "<" in place.qualname:
            place = replace(place, pickled=True)
        return self._target(function, place), SourceTree(tree=self._source)

    def pickled(self, value: Any) -> str:
        """The hash of a pickled value."""
        return self.blobs.add(_cloudpickle(value, "the arguments of run_function", None))

    def _target(self, raw: Any, place: Place) -> CodeTarget:
        target = CodeTarget(module=place.module, qualname=place.qualname, main=place.main)
        if not place.pickled:
            return target
        blob = self.blobs.add(_cloudpickle(raw, repr(place.qualname), place))
        return replace(target, pickled=blob, python=f"{sys.version_info.major}.{sys.version_info.minor}")

    # ---- images -----------------------------------------------------------------------------------------------------

    def image(self, image: Image) -> tuple[ImageSpec, tuple[MountSpec, ...]]:
        """The spec of an image, and the files that containers of it see besides."""
        known = self._images.get(id(image))
        if known is None:
            known = self._images[id(image)] = self._lower_image(image)
        return known

    def _lower_image(self, image: Image) -> tuple[ImageSpec, tuple[MountSpec, ...]]:
        base, steps, local, force = image.definition
        making = Composing.begin(self, force)
        making.extend(base.lower(making))
        for step in steps:
            making.extend(step.lower(making) if hasattr(step, "lower") else (step,))
        mounts = [mount for each in local for mount in each.mounts(self.blobs, making.workdir)]
        return making.spec(), tuple(mounts)

    # ---- secrets ----------------------------------------------------------------------------------------------------

    def _secret(self, secret: Secret) -> str:
        # Named by its place in the app: a name made of the values would tell of them.
        name = self._secrets.setdefault(id(secret), f"local-{len(self._secrets) + 1}")
        if name not in self._values:
            self._values[name] = secret.values()
            self._note_name(name, secret)
        return name

    def build_secret(self, secret: Secret) -> str:
        """A name that tells which variables it has, and is the same in the next session: it is part of a step's
        identity, and the values are not."""
        values = secret.values()
        plain = name = f"{secret!r} of {', '.join(sorted(values))}"
        number = 1
        while self.build_secrets.setdefault(name, values) != values:
            number += 1
            name = f"{plain} ({number})"
        self._note_name(name, secret)
        return name

    def _note_name(self, name: str, secret: Secret) -> None:
        if secret.named is not None:
            self._named[name] = secret.named


def _build_places(registered: tuple[Registered, ...]) -> list[Place]:
    images = {id(each.behaviour.image): each.behaviour.image for each in registered if each.behaviour.image is not None}
    return [place_of(function) for image in images.values() for function in image.functions()]


def _without_mounted(source: FileTree, mounts: tuple[MountSpec, ...]) -> FileTree:
    """The image's own mounts win over shipped source of the same name."""
    taken = {
        mount.target.removeprefix("/root/").split("/", 1)[0] for mount in mounts if mount.target.startswith("/root/")
    }
    if not taken:
        return source
    return FileTree(tuple(entry for entry in source.entries if entry.path.split("/", 1)[0] not in taken))


def _cloudpickle(value: Any, label: str, place: Place | None) -> bytes:
    cloudpickle = importlib.import_module("cloudpickle")
    # Code of a module that could be imported goes by reference, unless told otherwise; here it is meant to go itself.
    module = sys.modules.get(place.module) if place is not None and place.file is not None else None
    by_value = module is not None and module.__name__ != "__main__"
    try:
        if by_value:
            cloudpickle.register_pickle_by_value(module)
        data: bytes = cloudpickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
        return data
    except (pickle.PicklingError, TypeError, AttributeError, ValueError, InvalidError) as error:
        raise SerializationError(f"{label} cannot be pickled: {error}") from error
    finally:
        if by_value:
            cloudpickle.unregister_pickle_by_value(module)
