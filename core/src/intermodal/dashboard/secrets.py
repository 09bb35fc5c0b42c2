"""Named secrets: the names of their keys, and which apps use them. No value comes here."""

from __future__ import annotations

from intermodal.dashboard.named import matching, part_of
from intermodal.dashboard.pages import Ask, Page, Shown
from intermodal.exception import NotFoundError
from intermodal.server.version_table import Version

__all__ = ["PAGE", "USES"]

Row = tuple[str, float, tuple[str, ...]]


async def _secrets(ask: Ask) -> list[Row]:
    found = await ask.overview.hosting.secret("secret.list", {"environment": ask.environment})
    return [(name, created, tuple(keys)) for name, created, keys in found]


async def _show(ask: Ask) -> Shown:
    search = matching(ask)
    rows, page = part_of(ask, [row for row in await _secrets(ask) if search in row[0]])
    return {"secrets": rows, "page": page, "search": search}


async def _show_uses(ask: Ask) -> Shown:
    name = ask.path["name"]
    of_name = [row for row in await _secrets(ask) if row[0] == name]
    if not of_name:
        raise NotFoundError(f"there is no secret named {name!r} in environment {ask.environment!r}")
    users, page = part_of(ask, [version for version in _live(ask) if await _uses(ask, version, name)])
    return {"name": name, "created": of_name[0][1], "keys": of_name[0][2], "users": users, "page": page}


def _live(ask: Ask) -> list[Version]:
    versions = [each for each in ask.overview.deployments.live() if each.environment == ask.environment]
    return sorted(versions, key=lambda each: each.app)


async def _uses(ask: Ask, version: Version, secret: str) -> bool:
    try:
        package = await ask.overview.deployments.package_of(version.environment, version.app)
    except NotFoundError:  # stopped meanwhile
        return False
    named = package.named.values()
    return any(each.name == secret and each.environment in ("", ask.environment) for each in named)


PAGE = Page("secrets", "secrets.html", _show, title="Secrets", icon="secret")
#: Looks at every app that is live, so it is not asked for again and again.
USES = Page("secrets/{name}", "secret.html", _show_uses, section="secrets", every_s=0.0)
