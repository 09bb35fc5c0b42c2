"""`intermodal server`."""

from __future__ import annotations

from pathlib import Path

import click

from intermodal import __version__
from intermodal.cli.settings import with_settings
from intermodal.plugins import Config
from intermodal.plugins.extras import needing

__all__ = ["command"]

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at; 0.0.0.0: all.")
@click.option("--port", default=8700, show_default=True, type=click.IntRange(0, 65535), help="0: any free one.")
@click.option(
    "--require-token", is_flag=True, help="Ask for a token on the loopback address, too: behind a proxy, say."
)
@click.option("--tls-cert", type=FILE, metavar="FILE", help="Speak TLS: the certificate and its chain, as PEM.")
@click.option("--tls-key", type=FILE, metavar="FILE", help="The certificate's key, as PEM.")
@with_settings
def command(host: str, port: int, require_token: bool, tls_cert: Path | None, tls_key: Path | None) -> None:
    """Carry out the apps of other processes, until SIGTERM or Ctrl-C.

    Clients find it by INTERMODAL_SERVER_URL. Where others than this machine's processes can reach it, they need a token
    (`intermodal token create NAME`, INTERMODAL_TOKEN), and it should speak TLS. Its data is in INTERMODAL_DATA_DIR.

    \b
    Examples:
      intermodal server
      intermodal server --backend docker --port 9000
      intermodal server --host 0.0.0.0 --tls-cert chain.pem --tls-key key.pem
      INTERMODAL_SERVER_URL=http://127.0.0.1:8700 intermodal run app.py
    """
    with needing("server", "`intermodal server`"):
        from intermodal.dashboard import dashboard
        from intermodal.server import Certificate, serve
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key go together: a certificate and its key")
    certificate = Certificate(tls_cert, tls_key) if tls_cert is not None and tls_key is not None else None

    config = Config.load()

    def ready(url: str) -> None:
        click.echo(
            f"intermodal {__version__} serves at {url} with the backend {config.backend}; data in {config.data_dir}"
        )

    serve(config, host, port, require_token=require_token, ready=ready, certificate=certificate, pages=dashboard)
