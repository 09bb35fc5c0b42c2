"""What a container sees of this host's userland: an allowlist of /etc, a fresh /var, and masks over what is
the host's alone."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from intermodal.exception import BackendError
from intermodal_local.rootfs import Python

__all__ = ["make_root", "mask_prefix", "mask_usr"]

_TOP_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_EMPTY = {"root": 0o700, "home": 0o755, "opt": 0o755, "run": 0o755, "srv": 0o755, "mnt": 0o755, "media": 0o755}
_MOUNT_POINTS = ("proc", "sys", "dev", "usr")
#: Nothing else of /etc is seen inside; of these, only what everybody on the host may read.
_ETC = [
    "adduser.conf",
    "alternatives",
    "apt",
    "bash.bashrc",
    "bindresvport.blacklist",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debconf.conf",
    "debian_version",
    "default",
    "deluser.conf",
    "dpkg",
    "environment",
    "fonts",
    "gai.conf",
    "gitconfig",
    "gss",
    "host.conf",
    "hosts",
    "init.d",
    "inputrc",
    "issue",
    "java-*",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "libaudit.conf",
    "locale.alias",
    "locale.conf",
    "locale.gen",
    "localtime",
    "login.defs",
    "lsb-release",
    "magic",
    "mailcap",
    "mime.types",
    "networks",
    "nsswitch.conf",
    "opt",
    "os-release",
    "pam.conf",
    "pam.d",
    "perl",
    "pki",
    "profile",
    "profile.d",
    "protocols",
    "python3",
    "python3.*",
    "rc?.d",
    "redhat-release",
    "resolv.conf",
    "rpc",
    "security",
    "selinux",
    "services",
    "shells",
    "skel",
    "ssl",
    "sysctl.conf",
    "system-release",
    "terminfo",
    "timezone",
    "ucf.conf",
    "vim",
    "wgetrc",
    "xattr.conf",
    "xdg",
]
_ETC_SECRET = ("ssl/private", "pki/tls/private", "apt/auth.conf", "apt/auth.conf.d", "security/opasswd")


# ---- /


def make_root(root: Path) -> None:
    """Lay out /, with /etc and /var. Raises `BackendError` where /usr is not merged."""
    root.mkdir()
    for name in _TOP_LINKS:
        path = Path("/", name)
        if path.is_symlink():
            (root / name).symlink_to(os.readlink(path))
        elif path.is_dir():
            raise BackendError(
                f"{path} of this host is a directory of its own, not a link into /usr; containers need a merged /usr. "
                'Merge it (Debian: apt-get install usrmerge) or set isolation = "process" for the local backend.'
            )
    for name, mode in _EMPTY.items():
        (root / name).mkdir(mode=mode)
    for name in _MOUNT_POINTS:
        (root / name).mkdir()
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    _make_etc(root / "etc")
    _make_var(root / "var")


def _make_etc(etc: Path) -> None:
    etc.mkdir()
    for pattern in _ETC:
        for path in glob.glob(f"/etc/{pattern}"):
            _copy(path, etc / os.path.basename(path), [f"/etc/{name}" for name in _ETC_SECRET])
    for name in ("passwd", "group"):
        (etc / name).write_text("".join(_system_entries(Path("/etc", name).read_text().splitlines())))
    (etc / "hostname").write_text("localhost\n")
    (etc / "mtab").symlink_to("/proc/self/mounts")
    if not (etc / "resolv.conf").exists():
        with contextlib.suppress(OSError):
            (etc / "resolv.conf").unlink(missing_ok=True)
            shutil.copyfile("/etc/resolv.conf", etc / "resolv.conf")


def _system_entries(lines: Iterable[str]) -> Iterable[str]:
    """Users and groups of the system; people's names stay outside."""
    for line in lines:
        fields = line.split(":")
        if len(fields) < 4 or not fields[2].isdigit():
            continue
        if int(fields[2]) < 1000 or fields[2] == "65534":
            if len(fields) == 4:
                fields[3] = ""
            else:
                fields[1] = "*"  # there is no shadow to look in, where `su` would want to find them
            yield ":".join(fields) + "\n"


def _make_var(var: Path) -> None:
    for name in (
        "backups",
        "cache/apt/archives/partial",
        "lib/apt/lists/partial",
        "lib/misc",
        "local",
        "log/apt",
        "mail",
        "spool",
        "opt",
    ):
        (var / name).mkdir(parents=True)
    (var / "tmp").mkdir()
    (var / "tmp").chmod(0o1777)
    (var / "run").symlink_to("/run")
    (var / "lock").symlink_to("/run/lock")
    for name in ("dpkg", "pam", "python", "ucf", "shells.state", "rpm"):
        _copy(f"/var/lib/{name}", var / "lib" / name, ["/var/lib/dpkg/lock", "/var/lib/dpkg/lock-frontend"])


def _copy(source: str, target: Path, without: Iterable[str] = ()) -> None:
    """Copy what everybody may read; links stay links where they lead into what a container has."""
    without = set(without)
    if source in without or not os.path.lexists(source):
        return
    status = os.lstat(source)
    if stat.S_ISLNK(status.st_mode):
        led = os.path.realpath(source)
        if led.startswith(("/usr/", "/etc/", "/proc/")):
            target.symlink_to(os.readlink(source))
        elif os.path.isfile(led) and os.access(led, os.R_OK) and os.stat(led).st_mode & stat.S_IROTH:
            shutil.copyfile(led, target)
    elif stat.S_ISDIR(status.st_mode):
        if status.st_mode & stat.S_IXOTH and os.access(source, os.R_OK | os.X_OK):
            target.mkdir()
            for entry in os.scandir(source):
                _copy(entry.path, target / entry.name, without)
            target.chmod(stat.S_IMODE(status.st_mode) | stat.S_IRWXU)
    elif stat.S_ISREG(status.st_mode) and status.st_mode & stat.S_IROTH:
        shutil.copyfile(source, target)
        target.chmod(stat.S_IMODE(status.st_mode) & 0o755)


# ---- masks


def mask_usr(mask: Path, python: Python) -> None:
    """What lies over /usr: no installed packages, nothing of /usr/local, `python3` is the image's."""
    mask.mkdir()
    for path in glob.glob("/usr/lib*/python*/*-packages"):
        _opaque(mask / path[len("/usr/") :])
    for path in glob.glob("/usr/lib*/python*/EXTERNALLY-MANAGED"):
        _whiteout(mask / path[len("/usr/") :])
    _opaque(mask / "local")
    for name in ("bin", "etc", "games", "include", "lib", "man", "sbin", "share", "src"):
        (mask / "local" / name).mkdir()
    if python.prefix == "/usr":
        _name_python(mask / "local" / "bin", python)
    else:
        _lend_library(mask, python)


def mask_prefix(mask: Path, python: Python) -> None:
    """What lies over the prefix of an interpreter that has its own: no installed packages, none of their commands."""
    mask.mkdir()
    (mask / "bin").mkdir()
    for path in glob.glob(f"{python.prefix}/lib*/python*/site-packages"):
        _opaque(mask / os.path.relpath(path, python.prefix))
    for path in glob.glob(f"{python.prefix}/lib*/python*/EXTERNALLY-MANAGED"):
        _whiteout(mask / os.path.relpath(path, python.prefix))
    for entry in os.scandir(f"{python.prefix}/bin"):
        if entry.is_file() and not entry.name.startswith("python") and _is_script(entry.path):
            _whiteout(mask / "bin" / entry.name)
    _name_python(mask / "bin", python)


def _name_python(folder: Path, python: Python) -> None:
    """`python` and `python3` both mean the image's interpreter."""
    for name in ("python", "python3"):
        if os.path.basename(python.executable) != name:
            (folder / name).symlink_to(python.executable)


def _lend_library(mask: Path, python: Python) -> None:
    """A shared libpython is looked for where it was built; inside, the loader finds it among the system's."""
    folder = next((d for d in glob.glob("/usr/lib/*-linux-gnu*") if os.path.isdir(d)), "/usr/lib64")
    for path in glob.glob(f"{python.prefix}/lib/libpython*.so*"):
        target = mask / folder[len("/usr/") :] / os.path.basename(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(f"/usr/local/lib/{target.name}")


def _is_script(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return True


def _opaque(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True)
    try:
        os.setxattr(path, "user.overlay.opaque", b"y")
    except OSError as error:
        raise BackendError(
            f"the file system of {path} keeps no user extended attributes ({error.strerror}), which image layers need. "
            "Set INTERMODAL_DATA_DIR to a directory on ext4, xfs or btrfs."
        ) from None


def _whiteout(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))
