"""Docker's engine on another machine, over TLS; and one whose socket is here and whose files are not."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from certificates import Authority
from elsewhere import Machine, Program, read_until
from intermodal_docker.engine import Engine, EngineUnavailable
from intermodal_docker.engines.docker_engine import DockerEngine
from intermodal_docker.session import left_containers, left_volumes
from intermodal_docker.shipped import Shipped
from private_engines import until
from small_images import commands_archive

pytestmark = [
    pytest.mark.one_user,
    pytest.mark.engine("docker"),
    pytest.mark.skipif(os.geteuid() != 0, reason="an engine of the test's own is for root"),
]


def variables(machine: Machine) -> dict[str, str]:
    """Those by which docker's own command finds it."""
    tls = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(machine.certificates)}
    return {"INTERMODAL_BACKEND": "docker", "DOCKER_HOST": machine.host, **tls}


def ran(result: tuple[int | None, str]) -> str:
    """That the program did all that it has to, and what it printed."""
    code, said = result
    assert code == 0, said
    assert "sum 9900" in said, said
    assert "same True shown" in said, said
    assert "at 99" in said, said
    return said


def test_a_program_runs_on_another_machine_and_leaves_only_its_files(machine: Machine, program: Program) -> None:
    """Source, files and large values come through, without a network; a second run sends no file again."""
    engine = machine.engine.connect()
    try:
        ran(program.run(variables(machine)))
        sent = left_volumes(engine, program.data)
        assert len(sent) == 3  # process 1, the guest, the files of both functions
        ran(program.run(variables(machine)))
        assert left_volumes(engine, program.data) == sent
        assert list(left_containers(engine, program.data)) == []
    finally:
        engine.close()


def test_a_context_brings_its_certificates(machine: Machine, program: Program, tmp_path: Path) -> None:
    """As `docker context create` made it."""
    files = {name: machine.certificates / f"{name}.pem" for name in ("ca", "cert", "key")}
    place = ",".join([f"host={machine.host}", *(f"{name}={path}" for name, path in files.items())])
    env = {"DOCKER_CONFIG": str(tmp_path / "docker")}
    create = ["docker", "context", "create", "far", "--docker", place]
    subprocess.run(create, env={**os.environ, **env}, check=True, stdout=subprocess.DEVNULL)
    ran(program.run({**env, "INTERMODAL_BACKEND": "docker", "DOCKER_CONTEXT": "far"}))
    code, said = program.run({**env, "INTERMODAL_BACKEND": "docker", "DOCKER_CONTEXT": "near"})
    assert code != 0
    assert "DOCKER_CONTEXT is 'near', and there is no such context: `docker context ls`" in said, said
    assert "Traceback" not in said, said


def test_a_killed_client_leaves_no_container_there(machine: Machine, program: Program) -> None:
    """Its connection ends, and with it the container's first process."""
    client = program.start("wait", variables(machine))
    said = read_until(client, "working")
    engine = machine.engine.connect()
    try:
        assert len(left_containers(engine, program.data)) == 1, said
        client.kill()
        client.communicate()
        until(lambda: not left_containers(engine, program.data), "the container goes")
        Shipped(engine, program.data).prune({}, older_than_s=0)
        assert left_volumes(engine, program.data) == {}
    finally:
        engine.close()


def test_a_socket_here_whose_engine_sees_other_files(machine: Machine, program: Program) -> None:
    """As with an engine in a virtual machine: found out by the first container."""
    said = ran(program.run({"INTERMODAL_BACKEND": "docker", "DOCKER_HOST": machine.engine.address}))
    assert "bind" not in said, said


SANDBOX = """
import intermodal

app = intermodal.App("elsewhere")
image = intermodal.Image.from_scratch().add_local_dir("small", "/", copy=True)


@app.local_entrypoint()
def main() -> None:
    sandbox = intermodal.Sandbox.create(app=app, image=image, workdir="/")
    with sandbox.open("/file", "w") as file:
        file.write("written")
    process = sandbox.exec("sh", "-c", "cat /file; exit 3")
    print("inside:", process.stdout.read(), process.wait())
"""


def test_a_sandbox_there_of_an_image_without_python(machine: Machine, program: Program) -> None:
    """The Python that runs its process 1 is sent."""
    with tarfile.open(fileobj=io.BytesIO(commands_archive())) as archive:
        archive.extractall(program.folder / "small", filter="fully_trusted")
    (program.folder / "app.py").write_text(SANDBOX)
    code, said = program.run(variables(machine))
    assert code == 0, said
    assert "inside: written 3" in said, said


def unavailable(engine: Engine) -> str:
    """Why it does not answer."""
    with pytest.raises(EngineUnavailable) as caught:
        engine.info()
    engine.close()
    return str(caught.value)


def test_certificates_that_do_not_fit(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message says which file is to be another one."""
    stranger = Authority(tmp_path / "stranger", "stranger")
    mixed = stranger.vouch(tmp_path / "mixed", "client", "clientAuth")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(mixed))
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    assert "not one that ca.pem vouches for" in unavailable(DockerEngine(machine.host))
    (mixed / "ca.pem").write_bytes((machine.certificates / "ca.pem").read_bytes())
    assert "cert.pem and key.pem that it was given" in unavailable(DockerEngine(machine.host))
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path / "empty"))
    assert f"{tmp_path}/empty lacks ca.pem, cert.pem or key.pem" in unavailable(DockerEngine(machine.host))
    for name in ("DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"):
        monkeypatch.delenv(name)
    assert "set DOCKER_TLS_VERIFY=1" in unavailable(DockerEngine(machine.host))
