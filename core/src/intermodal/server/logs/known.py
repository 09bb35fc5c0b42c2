"""Names that are asked for and that nobody knows."""

from __future__ import annotations

from collections.abc import Collection

from intermodal.plugins.options import nearest
from intermodal.server.logs.records import LogQuery
from intermodal.server.logs.store import LogStore

__all__ = ["unknown"]


def unknown(store: LogStore, query: LogQuery, deployed: Collection[str]) -> str | None:
    """What of a question without an answer nothing is known of, for people; None where all of it is known.

    Args:
        deployed: apps that may not have printed anything yet.
    """
    of = query.environment, query.app
    if query.app and not store.has(*of):
        if query.app in deployed:
            return None
        near = nearest(query.app, {*store.names(query.environment), *deployed})
        return f"no line of an app {query.app!r} is kept in environment {query.environment!r}, nor is it deployed{near}"
    if query.function and not store.has(*of, function=query.function):
        return f"no line of a function {query.function!r} is kept{nearest(query.function, store.names(*of))}"
    for kind, name in (("call", query.call), ("container", query.container)):
        if name and not store.has(*of, **{kind: name}):
            return f"no line of a {kind} {name!r} is kept: it has printed nothing, or nobody here knows it"
    return None
