"""A web function for browsers: a page whose script uses what they have. Plain ASGI, so that the image needs nothing."""

from __future__ import annotations

import json
from typing import Any

import intermodal as modal

app = modal.App("e2e-pages")

#: Without one a browser looks for /favicon.ico, which is the server's to have.
ICON = '<link rel="icon" href="data:,">'
PAGE = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>A page</title>
{ICON}<link rel="stylesheet" href="style.css">
<h1>A page</h1>
<form method="post" action="form" enctype="multipart/form-data">
  <input name="word" value="größer"><input name="file" type="file"><button>Send</button>
</form>
<p id="events"></p><p id="line"></p><p id="fetched"></p>
<script type="module" src="script.js"></script>
</html>"""

SCRIPT = """
const here = location.pathname;
const show = (id, text) => { document.getElementById(id).textContent += text; };

const source = new EventSource(here + 'events');
source.onmessage = event => show('events', event.data + ' ');
source.addEventListener('end', () => source.close());

const line = new WebSocket(location.origin.replace('http', 'ws') + here + 'socket');
line.onopen = () => { line.send('there and back'); line.send(new Uint8Array(3)); };
line.onmessage = async event => show('line', typeof event.data === 'string' ? event.data + ' ' : event.data.size);

const reply = await fetch('sum', {method: 'POST', body: JSON.stringify([1, 2, 3])});
show('fetched', `${reply.status} ${await reply.text()}`);
"""

STYLE = "h1 { color: rgb(1, 2, 3) }"
FILES = {"": ("text/html", PAGE), "script.js": ("text/javascript", SCRIPT), "style.css": ("text/css", STYLE)}


async def body_of(receive: Any) -> bytes:
    whole, more = b"", True
    while more:
        event = await receive()
        whole, more = whole + event["body"], event["more_body"]
    return whole


async def respond(send: Any, kind: str, *pieces: str, cookie: str = "") -> None:
    headers = [(b"content-type", kind.encode())] + [(b"set-cookie", cookie.encode())] * bool(cookie)
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece.encode(), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def socket(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        text, data = event.get("text"), event.get("bytes")
        await send({"type": "websocket.send", **({"bytes": data} if text is None else {"text": text})})


async def answer(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        return
    path = scope["path"].removeprefix(scope["root_path"]).strip("/")
    headers = dict(scope["headers"])
    if scope["type"] == "websocket":
        await socket(receive, send)
    elif path in FILES:
        kind, text = FILES[path]
        await respond(send, kind, text, cookie="seen=once; SameSite=Lax" if not path else "")
    elif path == "events":
        await respond(send, "text/event-stream", *(f"data: {n}\n\n" for n in range(5)), "event: end\ndata:\n\n")
    elif path == "sum":
        await respond(send, "application/json", str(sum(json.loads(await body_of(receive)))))
    elif path == "form":
        sent = await body_of(receive)
        seen = [headers[b"cookie"].decode(), str("größer".encode() in sent), str(sent.count(b"\xff"))]
        await respond(send, "text/html", ICON, f"<p>{' '.join(seen)}</p>")


@app.function(max_containers=1)
@modal.concurrent(max_inputs=20)
@modal.asgi_app(label="pages")
def web() -> Any:
    return answer
