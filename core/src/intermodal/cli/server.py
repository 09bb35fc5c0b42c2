"""`intermodal server`."""

from __future__ import annotations

import click

from intermodal import __version__
from intermodal.cli.settings import with_settings
from intermodal.plugins import Config
from intermodal.plugins.extras import needing

__all__ = ["command"]


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at; 0.0.0.0: all.")
@click.option("--port", default=8700, show_default=True, type=click.IntRange(0, 65535), help="0: any free one.")
@click.option(
    "--require-token", is_flag=True, help="Ask for a token on the loopback address, too: behind a proxy, say."
)
@with_settings
def command(host: str, port: int, require_token: bool) -> None:
    """Carry out the apps of other processes, until SIGTERM or Ctrl-C.

    Clients find it by INTERMODAL_SERVER_URL. Where others than this machine's processes can reach it, they need a token
    (`intermodal token create NAME`, INTERMODAL_TOKEN). Its data is in INTERMODAL_DATA_DIR.

    \b
    Examples:
      intermodal server
      intermodal server --backend docker --port 9000
      INTERMODAL_SERVER_URL=http://127.0.0.1:8700 intermodal run app.py
    """
    with needing("server", "`intermodal server`"):
        from intermodal.server import serve

    config = Config.load()

    def ready(url: str) -> None:
        click.echo(
            f"intermodal {__version__} serves at {url} with the backend {config.backend}; data in {config.data_dir}"
        )

    serve(config, host, port, require_token=require_token, ready=ready)
