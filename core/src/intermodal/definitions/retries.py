"""`Retries`: how failed inputs are tried again (retry.policy)."""

from __future__ import annotations

from dataclasses import dataclass

from intermodal.client.checking import checked_class
from intermodal.exception import InvalidError
from intermodal.specs import RetryPolicy

__all__ = ["Retries", "retry_policy"]


@checked_class
@dataclass(frozen=True)
class Retries:
    """A retry policy with delays in seconds.

    Args:
        max_retries: tries after the first one; 0 to 10.
        backoff_coefficient: each delay is the one before times this; 1 to 10.
        initial_delay: before the first retry; 0 to 60.
        max_delay: no delay is longer; 1 to 60.

    Raises:
        InvalidError: a value is out of its range.
    """

    max_retries: int
    backoff_coefficient: float = 2.0
    initial_delay: float = 1.0
    max_delay: float = 60.0

    def __post_init__(self) -> None:
        _within("max_retries", self.max_retries, 0, 10)
        _within("backoff_coefficient", self.backoff_coefficient, 1.0, 10.0)
        _within("initial_delay", self.initial_delay, 0.0, 60.0)
        _within("max_delay", self.max_delay, 1.0, 60.0)

    def lower(self) -> RetryPolicy:
        """The spec."""
        return RetryPolicy(
            max_retries=self.max_retries,
            backoff_coefficient=float(self.backoff_coefficient),
            initial_delay=float(self.initial_delay),
            max_delay=float(self.max_delay),
        )


def retry_policy(retries: int | Retries | None) -> RetryPolicy | None:
    """What `retries=` means: a number is that many retries one second apart. Raises `InvalidError`."""
    if retries is None:
        return None
    if isinstance(retries, Retries):
        return retries.lower() if retries.max_retries else None
    return Retries(retries, backoff_coefficient=1.0).lower() if retries else None


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InvalidError(f"Retries({name}={value}) must be from {low:g} to {high:g}")
