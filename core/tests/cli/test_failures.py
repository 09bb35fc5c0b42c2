"""What commands show of errors."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from intermodal.cli.failures import describe
from intermodal.client.strangers import written_out
from intermodal.exception import BackendError


def test_errors_of_containers_do_not_steer_the_terminal() -> None:
    """Titles, cleared screens and turned text are written out; lines and tabs stay."""
    shown = describe(BackendError("it fell:\n\tat \x1b]0;title\x07\x1b[2J\u202etxt\u2066"))
    assert shown == "error: it fell:\n\tat \\x1b]0;title\\x07\\x1b[2J\\u202etxt\\u2066"


def test_colours_stay_where_they_may() -> None:
    """And nothing else that begins as they do."""
    text = "\x1b[31mred\x1b[0m\x1b[2J\u200f"
    assert written_out(text, colours=True) == "\x1b[31mred\x1b[0m\\x1b[2J\\u200f"


@given(st.text())
def test_written_out_text_stays_as_it_is(text: str) -> None:
    """With and without colours."""
    once = written_out(text)
    assert written_out(once) == written_out(once, colours=True) == once
