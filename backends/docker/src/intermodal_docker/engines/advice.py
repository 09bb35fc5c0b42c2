"""Why no engine answers, and which command fixes it."""

from __future__ import annotations

import os

__all__ = ["why_unavailable"]

_INSTALL = {"docker": "docker.io", "podman": "podman"}


def why_unavailable(engine: str, address: str, error: BaseException) -> str:
    """The message for an engine at `address` ("unix:///run/x.sock", "tcp://...", "ssh://...") that failed so."""
    scheme, _, path = address.partition("://")
    if scheme != "unix":
        return f"{engine}: no engine answers at {address}: {error}. {_why_not_there(engine, scheme, str(error))}"
    return f"{engine}: {_why_no_socket(engine, path, error)}"


def _why_not_there(engine: str, scheme: str, said: str) -> str:
    if scheme == "ssh":
        return (
            f"Check that its user may use the engine there, and that the socket is where {engine}.host says: "
            "ssh://USER@HOST/path/of/the/socket"
        )
    certificates = "DOCKER_CERT_PATH, or the context's TLS material,"
    if "certificate verify failed" in said:
        return f"Its certificate is not one that ca.pem vouches for under this name: check {certificates} and the name"
    if "alert" in said and ("certificate" in said or "unknown ca" in said):
        return f"It does not accept our certificate: {certificates} needs the cert.pem and key.pem that it was given"
    if "EOF occurred in violation" in said or "reset by peer" in said:
        return (
            f"It hung up. If it speaks TLS, {certificates} may have to have the cert.pem and key.pem that it was given"
        )
    if "HTTPS server" in said:
        return "It wants TLS: set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to a directory with its certificates"
    if "WRONG_VERSION_NUMBER" in said or "wrong version number" in said:
        return "It does not speak TLS there: unset DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, or name the port that does"
    return (
        "Check that the machine is reachable and that its engine listens there; "
        f"{engine}.host or the engine's own environment variable names another one"
    )


def _why_no_socket(engine: str, path: str, error: BaseException) -> str:
    if not os.path.exists(path):
        return f"no engine listens at {path}. {_start(engine)}"
    if isinstance(error, PermissionError):
        return f"you may not use the engine at {path}. {_permit(engine)}"
    if isinstance(error, ConnectionRefusedError):
        return f"there is a socket at {path}, and nothing behind it. {_start(engine)}"
    return f"the engine at {path} does not answer as one: {error}"


def _start(engine: str) -> str:
    install = f"(not installed: apt-get install {_INSTALL[engine]}, or your system's own way)"
    if engine == "docker":
        return f"Start it: sudo systemctl start docker {install}"
    if os.geteuid() == 0:
        return (
            f"Start it: systemctl start podman.socket, or without systemd: podman system service --time=0 & {install}"
        )
    return (
        "Start it: systemctl --user enable --now podman.socket, or without systemd: "
        f"podman system service --time=0 & {install}"
    )


def _permit(engine: str) -> str:
    if engine == "docker":
        return "Join its group, and log in again: sudo usermod -aG docker $USER"
    return "Use one of your own: systemctl --user enable --now podman.socket, and leave podman.host unset"
