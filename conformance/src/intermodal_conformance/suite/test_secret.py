"""secret.*"""

from __future__ import annotations

import traceback
import uuid

import pytest

import intermodal
from intermodal.exception import AlreadyExistsError, NotFoundError
from intermodal.plugins import LogLine
from intermodal_conformance.apps import secrets
from intermodal_conformance.marks import requirement
from intermodal_conformance.target import Target


@requirement("secret.*")
def test_values_reach_the_environment(target: Target) -> None:
    """Of all secrets, before what `env=` says; None leaves one out."""
    assert secrets.holds.remote() == {
        secrets.NAME: secrets.VALUE,
        "CONFORMANCE_LEFT_OUT": None,
        "CONFORMANCE_OTHER": "other-value",
    }


@requirement("secret.*")
def test_no_line_that_is_kept_has_a_value(target: Target) -> None:
    """However the function prints it."""
    secrets.boast.remote("boast")
    lines = target.witness.wait_for(LogLine, lambda line: line.text.startswith("boast "), count=3)
    assert sorted(line.text for line in lines) == [
        "boast *** and '***'",
        "boast https://me:***@example.com",
        "boast raw ***",
    ]


@requirement("secret.*")
def test_no_error_has_a_value(target: Target) -> None:
    """Neither the exception nor its traceback; its type is as it was."""
    with pytest.raises(secrets.Told) as caught:
        secrets.confess.remote()
    assert caught.value.args == ("it is", "***")
    assert secrets.VALUE not in "".join(traceback.format_exception(caught.value))


@requirement("secret.*")
def test_named_secrets_are_found_again(target: Target) -> None:
    """While they exist; a key that is required and missing is named."""
    name = f"conformance-{uuid.uuid4().hex[:8]}"
    intermodal.Secret.objects.create(name, {"USER": "u", "PASSWORD": secrets.VALUE})
    try:
        with pytest.raises(AlreadyExistsError):
            intermodal.Secret.objects.create(name, {})
        found = intermodal.Secret.from_name(name, required_keys=["USER"])
        assert found.values() == {"USER": "u", "PASSWORD": secrets.VALUE}
        assert secrets.VALUE not in repr(found)
        with pytest.raises(NotFoundError, match="TOKEN") as lacking:
            intermodal.Secret.from_name(name, required_keys=["TOKEN", "USER"]).values()
        assert secrets.VALUE not in str(lacking.value)
    finally:
        intermodal.Secret.objects.delete(name)
    with pytest.raises(NotFoundError):
        intermodal.Secret.from_name(name).values()
