"""What to do about a failed step of an image, from what it printed."""

from __future__ import annotations

import re

__all__ = ["hint_for"]

_HINTS = (
    (
        re.compile(r"no space left on device|disk quota exceeded", re.I),
        "The disk is full: `intermodal image prune` removes image layers that nothing uses.",
    ),
    (
        re.compile(
            r"dns error|failed to lookup address|temporary failure (in name resolution|resolving)|connection refused"
            r"|could not connect|network is unreachable|could not resolve|tcp connect error|tunnel error|timed out",
            re.I,
        ),
        (
            "The network or an index could not be reached. Builds use the host's network, and the index, certificate "
            "and proxy settings of pip, uv and the environment (UV_DEFAULT_INDEX, PIP_INDEX_URL, HTTPS_PROXY)."
        ),
    ),
    (
        re.compile(r"git executable not found|cannot find command 'git'|git: (command )?not found", re.I),
        'The image has no git, which packages of git+https:// need: put .apt_install("git") before the step.',
    ),
    (
        re.compile(r"invalid peer certificate|certificate verify failed|unknown ?issuer", re.I),
        "The server's certificate is not trusted: set SSL_CERT_FILE to the file with your certificate authorities.",
    ),
)


def hint_for(text: str) -> str:
    """What to do about a step that printed `text`; "" where nothing is known."""
    return next((words for pattern, words in _HINTS if pattern.search(text)), "")
