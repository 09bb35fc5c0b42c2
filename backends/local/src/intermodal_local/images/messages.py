"""What went wrong in a step, in words that say what to do."""

from __future__ import annotations

import re

from intermodal_local.images.run import StepFailed

__all__ = ["no_space", "step_failed"]

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
        re.compile(r"invalid peer certificate|certificate verify failed|unknown ?issuer", re.I),
        "The server's certificate is not trusted: set SSL_CERT_FILE to the file with your certificate authorities.",
    ),
)


def step_failed(where: str, error: StepFailed) -> str:
    """The message of an `ImageBuildError`: the exit code, the last lines of output, and a hint where one fits."""
    text = "\n".join(error.lines)
    lines = "".join(f"\n    {line}" for line in error.lines) or "\n    (it printed nothing)"
    hint = next((f"\n{words}" for pattern, words in _HINTS if pattern.search(text)), "")
    return f"{where} failed with exit code {error.code}. Its last output:{lines}{hint}"


def no_space(where: str, place: str) -> str:
    """The message for a full disk."""
    return f"{where} failed: no space left on the disk of {place}. {_HINTS[0][1]}"
