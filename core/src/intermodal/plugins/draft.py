"""The mutable draft of a container that plugins may change before it is frozen."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from intermodal.specs import ContainerSpec, HostMount, Network, Resources

__all__ = ["ContainerDraft"]


@dataclass(slots=True, kw_only=True)
class ContainerDraft:
    """A container about to be launched, for `intermodal_modify_container_spec`. Change its attributes in place.

    `id`, `app`, `function` and `snapshot` say what it is for and are not looked at afterwards; the rest is what the
    launcher gets:

    Attributes:
        resources: cpu in cores, memory in MiB, GPUs; replace it as a whole (`dataclasses.replace`).
        env: the environment of the user's process. Values may be secret: never log them.
        workdir: absolute path inside.
        network: "host" or "none".
        reachable: networks in CIDR form that a sandbox reaches though `network` is "none".
        mounts: read-only host paths; those that are there carry the guest and the user's source.
        python_path: directories inside that go on `sys.path`, in order.
    """

    id: str
    app: str
    function: str
    snapshot: str | None
    resources: Resources
    env: dict[str, str] = field(default_factory=dict)
    workdir: str
    network: Network
    reachable: list[str] = field(default_factory=list)
    mounts: list[HostMount] = field(default_factory=list)
    python_path: list[str] = field(default_factory=list)

    @classmethod
    def thaw(cls, spec: ContainerSpec) -> ContainerDraft:
        """A draft that says what `spec` says."""
        return cls(
            id=spec.id,
            app=spec.app,
            function=spec.function,
            snapshot=spec.snapshot,
            resources=spec.resources,
            env=dict(spec.env),
            workdir=spec.workdir,
            network=spec.network,
            reachable=list(spec.reachable),
            mounts=list(spec.mounts),
            python_path=list(spec.python_path),
        )

    def freeze(self, spec: ContainerSpec) -> ContainerSpec:
        """`spec` with what the draft changed. Raises `ValueError` naming the attribute that cannot be used."""
        self._check()
        return replace(
            spec,
            resources=self.resources,
            env=tuple(self.env.items()),
            workdir=self.workdir,
            network=self.network,
            reachable=tuple(self.reachable),
            mounts=tuple(self.mounts),
            python_path=tuple(self.python_path),
        )

    def _check(self) -> None:
        for key, value in self.env.items():
            if not isinstance(key, str) or not isinstance(value, str) or not key or "=" in key or "\0" in key + value:
                raise ValueError(f"env has {key!r}: names and values are text, a name has no '='")
        if not str(self.workdir).startswith("/"):
            raise ValueError(f"workdir {self.workdir!r} is not an absolute path")
        if self.network not in ("host", "none"):
            raise ValueError(f"network {self.network!r} is neither 'host' nor 'none'")
        if not isinstance(self.resources, Resources):
            raise ValueError(f"resources is a {type(self.resources).__name__}, not a Resources")
        for mount in self.mounts:
            if not isinstance(mount, HostMount) or not mount.target.startswith("/"):
                raise ValueError(f"mounts has {mount!r}: each is a HostMount with an absolute target")
