"""What programs do that know more than one user, for the end-to-end tests."""

from __future__ import annotations

import os
import subprocess

import intermodal

app = intermodal.App("users")


@app.function()
def owners() -> list[tuple[int, int]]:
    """Give files away, and look."""
    found = []
    for number in (0, 33, 1000, 65534):
        path = f"/tmp/of-{number}"
        with open(path, "w") as file:
            file.write("x")
        os.chown(path, number, number)
        status = os.stat(path)
        found.append((status.st_uid, status.st_gid))
    return found


@app.function()
def as_another() -> str:
    """What `su` to a service's user shows, and that this user can keep a directory for itself."""
    script = "id -u; id -g; mkdir -m 700 /tmp/private && touch /tmp/private/file && stat -c %U /tmp/private/file"
    words = ["su", "-s", "/bin/sh", "www-data", "-c", script]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@app.function()
def stepped_down() -> tuple[int, int, str]:
    """A server's way: root gives its groups and user away, and cannot take them back."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.setgroups([33])
        os.setresgid(33, 33, 33)
        os.setresuid(33, 33, 33)
        try:
            os.setuid(0)
            said = "root again"
        except PermissionError:
            said = "stays"
        os.write(write, f"{os.getuid()} {os.getgid()} {said}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    uid, gid, said = os.read(read, 100).decode().split(" ", 2)
    return int(uid), int(gid), said
