"""Parts of core that need packages which are not always there."""

from __future__ import annotations

import pytest

from intermodal.exception import ConfigError
from intermodal.plugins.extras import needing


def test_who_asks_for_an_extra_is_told_how_to_get_it() -> None:
    """In one line, with the package that is missing."""
    with (
        pytest.raises(ConfigError, match=r"`ship` needs the extra cargo \(no_such_crane is .*\[cargo\]'"),
        needing("cargo", "`ship`"),
    ):
        import no_such_crane.arm  # noqa: F401


def test_a_module_of_ours_that_is_missing_is_no_extra() -> None:
    """That would be a broken installation."""
    with pytest.raises(ModuleNotFoundError, match=r"intermodal\.nowhere"), needing("cargo", "`ship`"):
        import intermodal.nowhere  # noqa: F401
