"""The documentation, served by the server itself: ``openapi.json``, and a page to read and try it, without the Internet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any

import msgspec
import trio
from quart import Quart, Response, redirect, request

from csms.core.errors import NotFound
from csms.core.ports import Blocking

from .calls import Call, etag_of, matches
from .encodings import accepted, etag_in, is_packable, pack
from .mounting import PREFIX
from .openapi import Document
from .routes import PUBLIC, Raw, Route, Routes

PAGE = "/api/docs"
ASSETS: Mapping[str, str] = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
"""What the page needs of Swagger UI, as the package ``flask_swagger_ui`` brings it; nothing else of it is used."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FRESH = {"Cache-Control": "no-cache"}
"""Kept by browsers, and asked after each time: an upgrade shows at once."""

_HTML = b"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>csms management API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript; what it shows is at <a href="v1/openapi.json">v1/openapi.json</a>.</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""

_START = b"""'use strict';
// A login by cookie shows what only our own pages can read (see "Log in" on this page).
function withCsrf(asked) {
  var found = document.cookie.split('; ').find(function (each) { return each.indexOf('csms_csrf=') === 0; });
  if (found) { asked.headers['X-CSRF-Token'] = decodeURIComponent(found.slice('csms_csrf='.length)); }
  return asked;
}
SwaggerUIBundle({
  url: 'v1/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  docExpansion: 'none',
  filter: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  validatorUrl: null,
  requestInterceptor: withCsrf,
});
"""


class Kept:
    """Content that is the same for all, made and packed once, when it is first asked for."""

    def __init__(self, make: Callable[[], bytes], content_type: str, blocking: Blocking) -> None:
        self._make = make
        self._blocking = blocking
        self.content_type = content_type
        self._forms: dict[str, tuple[bytes, str]] = {}
        self._making = trio.Lock()

    async def form(self, accept: str) -> tuple[bytes, dict[str, str]]:
        """The content in the encoding that an ``Accept-Encoding`` likes best, and its headers."""
        encoding = accepted(accept) if is_packable(self.content_type) else ""
        async with self._making:
            if "" not in self._forms:
                whole = await self._blocking.run("pack", self._make)
                self._forms[""] = whole, etag_of(whole)
            if encoding not in self._forms:
                whole, etag = self._forms[""]
                self._forms[encoding] = await self._blocking.run("pack", pack, whole, encoding), etag_in(etag, encoding)
        body, etag = self._forms[encoding]
        headers = {**_FRESH, "ETag": etag}
        if is_packable(self.content_type):
            headers["Vary"] = "Accept-Encoding"
        return body, headers | ({"Content-Encoding": encoding} if encoding else {})


class Described:
    """What is served, as an OpenAPI document: made when it is first asked for, with pauses in which others go on."""

    def __init__(self, blocking: Blocking) -> None:
        self._told: list[tuple[Routes, str]] = []
        self._text: Kept | None = None
        self._blocking = blocking

    def tell(self, slices: Sequence[Routes], prefix: str = PREFIX) -> Sequence[Routes]:
        """Routes that are served under a prefix; the same routes."""
        self._told += [(each, prefix) for each in slices]
        return slices

    def operations(self) -> list[tuple[Route, str]]:
        """Every route and its whole path."""
        return [(route, f"{prefix}{route.template}") for each, prefix in self._told for route in each.routes]

    def document(self) -> dict[str, Any]:
        """The whole document, at once."""
        made = Document()
        for each, prefix in self._told:
            for route in each.routes:
                made.add(route, each, prefix)
        return made.finish()

    async def form(self, accept: str) -> tuple[bytes, dict[str, str]]:
        """Its text as JSON, and its headers; see ``Kept.form``."""
        if self._text is None:
            made = Document()
            for each, prefix in self._told:
                for route in each.routes:
                    made.add(route, each, prefix)
                    await trio.lowlevel.checkpoint()
            text = msgspec.json.encode(made.finish())
            self._text = Kept(lambda: text, "application/json", self._blocking)
        return await self._text.form(accept)


def routes(described: Described) -> Routes:
    """The document itself, over HTTP."""
    made = Routes("openapi", "What there is, for programs.", tag="OpenAPI")

    @made.get("/openapi.json", needs=PUBLIC, tells=Mapping[str, Any])
    async def document(call: Call) -> Raw:
        """This API as an OpenAPI 3.1 document."""
        body, headers = await described.form(call.request.headers.get("Accept-Encoding"))
        return Raw(body=body, content_type="application/json", headers=headers)

    return made


def install(app: Quart, blocking: Blocking) -> None:
    """Serve the page and what it needs."""
    dist = files("flask_swagger_ui").joinpath("dist")
    kept = {name: Kept(dist.joinpath(name).read_bytes, kind, blocking) for name, kind in ASSETS.items()}
    kept["start.js"] = Kept(lambda: _START, ASSETS["swagger-ui-bundle.js"], blocking)
    page = Kept(lambda: _HTML, "text/html; charset=utf-8", blocking)

    async def answer(content: Kept) -> Response:
        body, headers = await content.form(request.headers.get("Accept-Encoding", ""))
        if matches(request.headers.get("If-None-Match", ""), headers["ETag"]):
            return Response(b"", status=304, headers=headers)
        return Response(body, content_type=content.content_type, headers=headers)

    @app.get(PAGE)
    async def docs() -> Response:
        response = await answer(page)
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @app.get(f"{PAGE}/")
    async def docs_of_a_folder() -> Any:
        return redirect("../docs", 308)  # its links start at the page, not at a folder of that name

    @app.get(f"{PAGE}/<name>")
    async def docs_asset(name: str) -> Response:
        if name not in kept:
            raise NotFound(f"there is no {name} here")
        return await answer(kept[name])
