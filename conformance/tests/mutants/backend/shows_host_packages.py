"""What is installed for the Python of the host can be imported in every container."""

from __future__ import annotations

import sysconfig

from intermodal.plugins import ContainerDraft, hookimpl
from intermodal.specs import HostMount


@hookimpl
def intermodal_modify_container_spec(draft: ContainerDraft) -> None:
    draft.mounts.append(HostMount(source=sysconfig.get_path("purelib"), target="/opt/host-packages"))
    draft.python_path.append("/opt/host-packages")
