"""The floor of an HTTP request: an empty Quart-Trio handler under hypercorn, as they come; prints its port."""

from __future__ import annotations

import gc

import hypercorn.trio
import trio
from hypercorn.config import Config
from quart import Response
from quart_trio import QuartTrio

from .servers import free_port


def main() -> None:
    """Serve until killed."""
    app = QuartTrio("floor")

    @app.get("/api/v1/empty")
    async def empty() -> Response:
        return Response(b"{}", content_type="application/json")

    config = Config()
    port = free_port()
    config.bind = [f"127.0.0.1:{port}"]
    config.accesslog = config.errorlog = None
    print(port, flush=True)
    gc.freeze()
    trio.run(hypercorn.trio.serve, app, config)


if __name__ == "__main__":
    main()
