"""The merged document and a page to browse it; every asset is served from here."""

from functools import cache
from pathlib import Path

import flask_swagger_ui
from flask import Blueprint, Response, send_from_directory

from services.gateway.apidocs import problems
from services.gateway.apidocs.write import MERGED
from shared.errors import NotFound
from shared.web.operations import public

ROOT = Path(__file__).resolve().parents[3]
ASSETS = Path(flask_swagger_ui.__file__).parent / "dist"
SERVED = frozenset({"swagger-ui.css", "index.css", "swagger-ui-bundle.js", "favicon-16x16.png", "favicon-32x32.png"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Partywall API</title>
<link rel="icon" type="image/png" href="/docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<link rel="stylesheet" href="/docs/assets/index.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
START = """window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  validatorUrl: null,
});
"""

blueprint = Blueprint("apidocs", __name__)


@cache
def _merged() -> bytes:
    return (ROOT / MERGED).read_bytes()


@blueprint.get("/openapi.json")
@public("gateway.api.read")
def document() -> Response:
    return Response(_merged(), mimetype="application/json", headers={"Cache-Control": "max-age=60"})


@blueprint.get("/docs")
@public("gateway.api.page")
def page() -> Response:
    return Response(PAGE, mimetype="text/html", headers={"Content-Security-Policy": POLICY})


@blueprint.get("/docs/problems")
@public("gateway.api.problems")
def problem_types() -> Response:
    source = ROOT / problems.SOURCE
    if not source.exists():
        raise NotFound()
    page = problems.page(source.read_text())
    return Response(page, mimetype="text/html", headers={"Content-Security-Policy": "default-src 'none'"})


@blueprint.get("/docs/start.js")
@public("gateway.api.start")
def start() -> Response:
    return Response(START, mimetype="text/javascript")


@blueprint.get("/docs/assets/<name>")
@public("gateway.api.asset")
def asset(name: str) -> Response:
    if name not in SERVED:
        raise NotFound()
    return send_from_directory(ASSETS, name, max_age=3600)
