"""``csms openapi``: the API described for programs."""

from __future__ import annotations

from pathlib import Path

import click

from .contributions import contributed
from .options import Invocation, common, examples


@examples(
    "csms openapi > openapi.json",
    "csms openapi --output docs/openapi.json",
    "csms openapi --config production.toml          with the routes of the plugins that it enables",
)
@click.command()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write it to a file.")
@common
def openapi(call: Invocation, output: Path | None) -> None:
    """Write the management API as an OpenAPI 3.1 document.

    Needs no server and no database. A running server tells the same at /api/v1/openapi.json, and shows it at /api/docs.
    """
    from csms.api.routes import Routes
    from csms.api_pages import described, openapi_text
    from csms.management import Nowhere

    config = call.config
    brought = contributed(config, "register_routes", nowhere=Nowhere())
    plugins = [(name, each) for name, each in brought if isinstance(each, Routes)]
    text = openapi_text(described(config, plugins).document())
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
        click.echo(f"wrote {output}", err=True)
