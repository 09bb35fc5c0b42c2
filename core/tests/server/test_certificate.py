"""What a server's certificate must be, before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from certificates import Authority
from intermodal.exception import ConfigError
from intermodal.server import Certificate


def test_a_certificate_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """In a line that names both files: what is no PEM file, the wrong way round, another's key, a key with a
    password."""
    good = Authority(tmp_path / "a", "A").vouch(tmp_path / "good", "s", "serverAuth", "IP:127.0.0.1")
    other = Authority(tmp_path / "b", "B").vouch(tmp_path / "other", "s", "serverAuth")
    chain, key = good / "cert.pem", good / "key.pem"
    Certificate(chain, key).check()
    locked = tmp_path / "locked.pem"
    locked.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n")
    for wrong in (
        Certificate(key, chain),
        Certificate(chain, other / "key.pem"),
        Certificate(chain, locked),
        Certificate(chain, tmp_path / "none"),
    ):
        with pytest.raises(ConfigError, match="both must be PEM files that belong together") as caught:
            wrong.check()
        assert str(wrong.chain) in str(caught.value)
        assert str(wrong.key) in str(caught.value)
