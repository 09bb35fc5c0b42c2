"""Whether packages of the system can be installed into images here."""

from __future__ import annotations

import shutil

from intermodal.plugins.building import KIT, StepRun, Surroundings, plan_system
from intermodal.specs import SystemPackages
from intermodal_local.runtime import advice, userns

__all__ = ["missing", "plan"]

_ADOPT_SCRIPT = f"{KIT}/adopt.sh"
#: Files of the host's root cannot be linked or changed in an ordinary user's container, but copies can replace them.
_ADOPT = b"""\
while read -r archive; do
  dpkg -L "$(dpkg-deb -f "$archive" Package)" 2>/dev/null | while read -r file; do
    if [ -f "$file" ] && [ ! -L "$file" ] && [ ! -O "$file" ]; then
      cp --preserve=mode,timestamps "$file" "$file.adopted" && mv -f "$file.adopted" "$file"
    fi
  done
done
"""


def missing() -> str | None:
    """What lacks for `apt_install`, and what to do about it; None where nothing does."""
    if shutil.which("apt-get") is None:
        return "this host's userland is the base of images, and it has no apt-get: use another backend"
    return None if advice.privileged() else userns.missing()


def plan(step: SystemPackages, around: Surroundings, *, adopt: bool) -> StepRun:
    """apt-get. `adopt`: files of packages that are replaced are made the container's own before."""
    if not adopt:
        return plan_system(step, around)
    run = plan_system(step, around, f'DPkg::Pre-Install-Pkgs {{ "/bin/sh {_ADOPT_SCRIPT}"; }};\n'.encode())
    run.files = {**run.files, _ADOPT_SCRIPT: _ADOPT}
    return run
