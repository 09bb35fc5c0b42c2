"""Certificates of a test's own: an authority, and who it vouches for."""

from __future__ import annotations

import subprocess
from pathlib import Path

__all__ = ["Authority"]


class Authority:
    """One in a directory that does not exist yet."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.certificate = folder / "ca.pem"
        self._key = folder / "ca-key.pem"
        _openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"),
            *("-subj", f"/CN={name}", "-keyout", self._key, "-out", self.certificate),
        )

    def vouch(self, folder: Path, name: str, usage: str, alternative: str = "") -> Path:
        """Make `folder` with ca.pem, cert.pem and key.pem, as docker's command wants them; it.

        Args:
            usage: "serverAuth" or "clientAuth".
            alternative: under which names besides, such as "IP:127.0.0.1".
        """
        folder.mkdir(parents=True)
        (folder / "ca.pem").write_bytes(self.certificate.read_bytes())
        request = folder / "request"
        _openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}"),
            *("-keyout", folder / "key.pem", "-out", request),
        )
        extensions = folder / "extensions"
        names = f"subjectAltName={alternative}\n" if alternative else ""
        extensions.write_text(f"extendedKeyUsage={usage}\n{names}")
        _openssl(
            *("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial"),
            *("-days", "2", "-extfile", extensions, "-out", folder / "cert.pem"),
        )
        return folder


def _openssl(*words: str | Path) -> None:
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
