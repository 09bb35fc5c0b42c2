"""The dashboard: pages about a server's apps, calls, logs and data, at `/dashboard` of its port.

A page is a module with a `Page` in it, and one template; `dashboard.listing` names them all in the order of the
navigation. A page shows what `Overview` says (`intermodal.server.overview`), never the server's insides::

    # dashboard/secrets.py                       # dashboard/templates/secrets.html
    async def show(ask: Ask) -> Shown:           {% extends layout %}
        return {"secrets": await ...}            {% block live %}
                                                   {% for secret in secrets %} ... {% endfor %}
    async def delete(ask: Ask) -> str:           {% endblock %}
        await ...
        return "The secret has been deleted."

    PAGE = Page("secrets", "secrets.html", show, title="Secrets", icon="key", actions={"delete": delete})

- `show` gives the template's values, or a whole `Response` (a download). What it raises becomes a page that says so:
  404 for `NotFoundError`, 400 for `InvalidError`, 500 for other errors of Intermodal.
- An action answers the form `{% call form("delete", name=secret.name) %}<button>...</button>{% endcall %}`
  (`macros.html`): `ask.form` has its fields; the text that it returns is shown above the page that comes next, and so
  is the error that it raises. Whether the form is one of ours was checked before (`doors.py`).
- The block `live` is asked for again every few seconds and patched into the page (`static/live.js`): scroll, focus,
  selection and open `<details>` stay. Give repeated elements an `id`, so that they are found again. Whatever is shown
  once, such as a filter's form, goes into the block `head`.
- Everything that a template prints is escaped, and made harmless first: control characters, ANSI codes and marks that
  change the direction of text are shown as what they are (`text.py`). There is no `|safe`, no inline script and no
  style attribute: the policy of the pages forbids them.
- `url("apps", name, page=2)` is a link within the dashboard and the environment that is looked at. Times are
  `{{ when(unix_seconds) }}`, states `{{ dot(state) }}`; `rendering.py` has the filters.
- A list comes in pages: `paged(ask)` says which rows to ask for, `{{ pager(page) }}` shows the way to the others.
"""

from __future__ import annotations

from intermodal.dashboard.application import dashboard

__all__ = ["dashboard"]
