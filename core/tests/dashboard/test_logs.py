"""The page of lines that containers printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard_site import Site, site
from intermodal.dashboard.terminal import pieces
from intermodal.plugins import LogLine
from intermodal.plugins.structured import with_fields

CLASSES = re.compile(r"(bold|faint|ink-([0-9]|1[0-5]))( ink-([0-9]|1[0-5]))?")


def write(shown: Site, *texts: str, app: str = "shop", function: str = "sell", environment: str = "main") -> None:
    """Have lines kept, a second apart."""
    lines = [
        LogLine(at=float(at), app=app, function=function, container="co-1", call="fc-1", stream=1, text=text)
        for at, text in enumerate(texts)
    ]
    shown.overview.logs.append((environment, line) for line in with_fields(lines))


def numbers(page: str) -> list[int]:
    return [int(found) for found in re.findall(r">line (\d+)<", page)]


def test_the_newest_lines_come_first_and_older_ones_by_page(tmp_path: Path) -> None:
    """Each line once, on the way back and on the way forth; only the newest are followed."""
    with site(tmp_path) as shown:
        assert "Nothing was printed here yet" in shown.page("logs")
        write(shown, *(f"line {number}" for number in range(450)))
        page, seen = shown.page("logs"), list[int]()
        assert "data-newest-first" in page
        while True:
            seen += numbers(page)
            older = re.search(r'href="/dashboard/logs(\?before=\d+)"', page)
            if older is None:
                break
            page = shown.page(f"logs{older[1]}")
            assert "data-newest-first" not in page
            assert 'data-every="0.0"' in page
        assert seen == list(reversed(range(450)))
        newer = re.search(r'href="/dashboard/logs(\?after=\d+)"', page)
        assert newer is not None
        page = shown.page(f"logs{newer[1]}")
        assert numbers(page) == list(range(249, 49, -1))


def test_lines_are_filtered(tmp_path: Path) -> None:
    """By app, function, container, call, level and text; another environment's are another's."""
    with site(tmp_path) as shown:
        write(shown, "line 1", "ERROR:x: line", 'INFO:y:{"customer": "a<b>"}')
        write(shown, "line 2", app="till", function="count")
        write(shown, "line 3", environment="other")
        assert numbers(shown.page("logs")) == [2, 1]
        assert numbers(shown.page("logs?app=till")) == [2]
        assert numbers(shown.page("logs?function=sell&container=co-1&call=fc-1")) == [1]
        assert numbers(shown.page("logs?environment=other")) == [3]
        grave = shown.page("logs?level=error")
        assert "ERROR:x: line" in grave
        assert numbers(grave) == []
        assert "<dt>customer</dt><dd>a&lt;b&gt;</dd>" in shown.page("logs?search=customer")
        assert "No line matches" in shown.page("logs?search=nothing-of-it")


@pytest.mark.parametrize("query", ["level=loud", "before=x", "after=-1", "since=soon", f"before={'9' * 30}"])
def test_a_filter_that_is_none_is_refused(tmp_path: Path, query: str) -> None:
    """With words."""
    with site(tmp_path) as shown:
        assert shown.browser.get(f"/dashboard/logs?{query}").status_code == 400


def test_hostile_lines_are_text(tmp_path: Path) -> None:
    """Tags, sequences for terminals, lone surrogates, records that are too deep, endless lines."""
    with site(tmp_path) as shown:
        deep = '{"a":' * 900 + "1" + "}" * 900
        write(
            shown,
            "<script>x</script>",
            "\x1b[31mred\x1b[0m\x1b]0;title\x07 \x1b[2Jplain",
            "raw \udcff",
            deep,
            "x" * 300_000,
        )
        page = shown.page("logs")
        assert "<script>x" not in page
        assert '<span class="ink-1">red</span> plain' in page
        assert "\x1b" not in page
        assert "raw \\udcff" in page
        assert "296,000 more characters" in page
        assert len(page) < 60_000


@given(st.text(alphabet=st.one_of(st.sampled_from("\x1b[];m0123456789?\\\x07 AJK"), st.characters())))
def test_pieces_have_no_sequence_and_lose_nothing_else(text: str) -> None:
    """Classes are those of the sheet."""
    found = pieces(text)
    for classes, piece in found:
        assert piece
        assert not classes or CLASSES.fullmatch(classes)
    if "\x1b" not in text:
        assert "".join(piece for _, piece in found) == text


def test_colours_of_terminals() -> None:
    """Those of sixteen, bold and faint; larger palettes are passed over."""
    assert pieces("a\x1b[1;31mb\x1b[22mc\x1b[38;5;200;92md\x1b[48;2;1;2;3me\x1b[mf\x1b[39mg") == [
        ("", "a"),
        ("bold ink-1", "b"),
        ("ink-1", "c"),
        ("ink-10", "d"),
        ("ink-10", "e"),
        ("", "f"),
        ("", "g"),
    ]
