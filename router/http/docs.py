"""`/docs`: the description as a page. Its parts ship with the package swagger-ui-py, nothing is fetched.

Only reading can be tried out from the page: a click in a manual must not send an order.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web

from router.core.errors import NotFoundError
from router.http.respond import BASE_HEADERS

# Addresses are relative, so that the page also works behind a path prefix.
_PAGE: Final = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>caas-router: HTTP API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="description"></div>
<noscript>The description itself: <a href="openapi.json">openapi.json</a></noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START: Final = b"""SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#description",
  deepLinking: true,
  validatorUrl: null,
  supportedSubmitMethods: ["get"],
});
"""
# Swagger UI sets style attributes and draws its icons from data: addresses; all else is our own.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = BASE_HEADERS | {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Asset(msgspec.Struct, frozen=True):
    """A part of the page: a file of the package, or bytes of our own."""

    content_type: str
    content: Path | bytes


def _packaged(name: str) -> Path:
    # Found without importing the package, which would load a template engine for two files.
    spec = find_spec("swagger_ui")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("expected the package swagger-ui-py, found none")
    return Path(spec.submodule_search_locations[0]) / "static" / name


ASSETS: Final = {
    "swagger-ui-bundle.js": Asset("text/javascript; charset=utf-8", _packaged("swagger-ui-bundle.js")),
    "swagger-ui.css": Asset("text/css; charset=utf-8", _packaged("swagger-ui.css")),
    "start.js": Asset("text/javascript; charset=utf-8", _START),
}


async def docs_page(_request: web.Request) -> web.Response:
    """GET /docs."""
    return web.Response(body=_PAGE, headers={**_HEADERS, "Content-Type": "text/html; charset=utf-8"})


async def docs_asset(request: web.Request) -> web.StreamResponse:
    """GET /docs/{asset}."""
    asset = ASSETS.get(request.match_info["asset"])
    if asset is None:
        raise NotFoundError("a part of the page")
    headers = {**_HEADERS, "Content-Type": asset.content_type}
    if isinstance(asset.content, Path):
        return web.FileResponse(asset.content, headers=headers)
    return web.Response(body=asset.content, headers=headers)
