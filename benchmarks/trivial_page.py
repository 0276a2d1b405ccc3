"""The least page that FastAPI serves, as the console is served: what a page of nothing costs on this machine."""

from __future__ import annotations

import argparse

import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

PAGE = "<!doctype html><title>Nothing</title>" + "<p>A line of nothing in particular.</p>\n" * 100


def main() -> None:
    """Serve it on loopback at this port until stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/trivial", lambda: HTMLResponse(PAGE), methods=["GET"])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", server_header=False)


if __name__ == "__main__":
    main()
