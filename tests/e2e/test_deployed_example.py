"""The example of a service, deployed: it is there for browsers, curl and other programs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import httpx
import pytest
from server_process import elsewhere, serving
from websockets.sync.client import connect
from workplace import Workplace

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "service.py"
SECONDS = 60
KEY = {"Authorization": "Bearer open-sesame"}

BY_NAME = """
    import intermodal
    Model = intermodal.Cls.from_name("language-service-prod", "Model")
    print(Model().predict.remote("dogs eat"), intermodal.Function.from_name("language-service-prod", "report").remote())
"""


@pytest.mark.one_user
def test_the_service_stays_and_answers(place: Workplace) -> None:
    """Under the name of its stage: JSON, streams, a WebSocket, the login, the health check; and called by name."""
    shutil.copy(EXAMPLE, place.directory / "service.py")
    with serving(place) as server:
        client = elsewhere(server, place)
        done = place.intermodal("deploy", "service.py", env={**client, "STAGE": "prod"})
        assert done.returncode == 0, done.stderr
        base = f"{server.url}/language-service-prod"
        with httpx.Client(timeout=SECONDS, trust_env=False) as web:
            assert web.get(f"{base}-health").json() == {"status": "healthy"}
            asked = {"text": "the quick brown fox"}
            assert web.post(f"{base}-api/predict", json=asked).status_code == 401
            assert web.post(f"{base}-api/predict", json=asked, headers=KEY).json() == {"answer": "the quiz bad for"}
            streamed = web.get(f"{base}-api/stream", params={"text": "jumps over"}, headers=KEY)
            assert streamed.text == "data: jam\n\ndata: old\n\n"
        with connect(f"{base}-api/ws".replace("http", "ws", 1), proxy=None) as socket:
            socket.send("a lazy dog")
            assert socket.recv(timeout=SECONDS) == "all low dog"
        program = place.write("by_name.py", BY_NAME)
        assert place.run(str(program), env=client).stdout == "dog eat the quiz for; all low dog\n"
        rows = json.loads(place.intermodal("schedule", "ls", "--json", env=client).stdout)
        assert [row["function"] for row in rows] == ["report"]
        server.end()
