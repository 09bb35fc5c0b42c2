"""Labels, and which endpoint a request is for (web.lookup)."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intermodal.exception import AlreadyExistsError, InvalidError
from intermodal.gateway import Caller, Endpoint, Routes, endpoints_of, urls_of
from intermodal.specs import AppSpec, CodeTarget, DebianSlim, FunctionSpec, ImageSpec, MethodSpec, WebSpec

CALLER = cast(Caller, None)


def app(name: str = "Shop", **labels: str) -> AppSpec:
    """An app with a web function for each name, with a label where it is not ""."""
    functions = tuple(
        FunctionSpec(
            app=name,
            name=function,
            key=f"m:{function}",
            target=CodeTarget(module="m", qualname=function),
            image=ImageSpec(base=DebianSlim(python="3.11")),
            methods=(MethodSpec(web=WebSpec(kind="asgi_app", label=label)), MethodSpec(name="plain")),
        )
        for function, label in labels.items()
    )
    return AppSpec(name=name, functions=functions)


def scope(path: str, host: str = "127.0.0.1:80") -> dict[str, Any]:
    return {"type": "http", "path": path, "headers": [(b"host", host.encode())]}


def found(routes: Routes, path: str, host: str = "h") -> tuple[str, str] | None:
    answer = routes.find(scope(path, host))
    return None if answer is None else (answer[0].label, answer[1])


def test_a_label_is_chosen_or_made_of_the_names() -> None:
    """Methods that are no web methods have none."""
    endpoints = endpoints_of(app(Front_Page="", other="mine"), CALLER, "-dev")
    assert [each.label for each in endpoints] == ["shop-front-page-dev", "mine-dev"]
    assert urls_of(endpoints, "http://h:1/") == {
        ("m:Front_Page", ""): "http://h:1/shop-front-page-dev",
        ("m:other", ""): "http://h:1/mine-dev",
    }


@given(st.text("abc_-.", min_size=1, max_size=99), st.text("abc_-.", min_size=1, max_size=99))
def test_labels_are_parts_of_host_names(app_name: str, function: str) -> None:
    """At most 63 characters, and long ones stay apart."""
    one, two = endpoints_of(app(app_name, **{function + "a": "", function + "ab": ""}), CALLER)
    assert max(len(one.label), len(two.label)) <= 63
    assert set(one.label) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_two_functions_with_one_label_are_refused() -> None:
    """web.lookup: within an app, and between apps; what is the server's own is refused, too."""
    with pytest.raises(InvalidError, match="'a' and 'b' both have the label 'x'"):
        endpoints_of(app(a="x", b="x"), CALLER)
    with pytest.raises(InvalidError, match="the server's own"):
        endpoints_of(app(a="healthz"), CALLER)
    routes = Routes()
    routes.add(endpoints_of(app(a="x"), CALLER))
    with pytest.raises(AlreadyExistsError, match="the label 'x' of 'b' is taken by 'a' of the app 'Shop'"):
        routes.add(endpoints_of(app(c="y", b="x"), CALLER))
    assert routes.labels() == ["x"]


def test_requests_go_by_path_or_by_host() -> None:
    """The first part of the path, whole; or the name before .localhost."""
    routes = Routes()
    assert found(routes, "/x") is None
    routes.add(endpoints_of(app(a="x", b="xy"), CALLER))
    assert found(routes, "/x") == found(routes, "/x/y/z") == ("x", "/x")
    assert found(routes, "/xy/") == ("xy", "/xy")
    assert found(routes, "/xyz") is None
    assert found(routes, "/") is None
    assert found(routes, "/anything", "X.localhost:80") == ("x", "")
    assert found(routes, "/xy", "x.localhost") == ("x", "")
    assert found(routes, "/x", "other.localhost") == ("x", "/x")


def test_a_new_version_takes_over_in_one_step() -> None:
    """Or changes nothing, where one of its labels is another's."""
    routes = Routes()
    old, other = endpoints_of(app(a="x"), CALLER), endpoints_of(app(b="y"), CALLER)
    routes.add(old)
    routes.add(other)
    new = endpoints_of(app(a="x", c="z"), CALLER)
    routes.replace(old, new)
    routes.remove(old)  # what is there by now is not the old one's
    assert routes.labels() == ["x", "y", "z"]
    clash: list[Endpoint] = endpoints_of(app(a="y"), CALLER)
    with pytest.raises(AlreadyExistsError):
        routes.replace(new, clash)
    assert routes.labels() == ["x", "y", "z"]
    routes.remove(new)
    assert routes.labels() == ["y"]
