#!/usr/bin/env bash
# Surprise: MCP's Python SDK sends the person to sign in when one refresh is answered with 503.
# Version: mcp 2.3.0
# Source: OAuthClientProvider, which clears its tokens after any answer to a refresh but 200; run here
#
# An access token has expired, and the authorization server is overloaded for a moment: 503 with Retry-After. That says nothing about the refresh token, so one would expect an
# error, and the same token at the next try. The SDK forgets the refresh token and opens the browser.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check mcp==2.3.0

cat >try.py <<'PY'
import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from urllib.parse import parse_qs, urlparse

import httpx2
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata

seen = {"refreshes": 0, "browser": 0}


class Server(BaseHTTPRequestHandler):
    def answer(self, status, members=None, **headers):
        body = json.dumps(members or {}).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path.startswith("/.well-known/oauth-protected-resource"):
            self.answer(200, {"resource": origin + "/mcp", "authorization_servers": [origin]})
        else:
            self.answer(200, {"issuer": origin, "authorization_endpoint": origin + "/authorize", "token_endpoint": origin + "/token",
                              "response_types_supported": ["code"], "code_challenge_methods_supported": ["S256"]})

    def do_POST(self):
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/token" and b"grant_type=refresh_token" in text:
            seen["refreshes"] += 1
            self.answer(503, {"error": "temporarily_unavailable"}, Retry_After="1")
        elif self.path == "/token":
            self.answer(200, {"access_token": "a", "token_type": "Bearer", "expires_in": 1, "refresh_token": "r"})
        elif self.headers.get("Authorization") == "Bearer a":
            self.answer(200)
        else:
            self.answer(401, WWW_Authenticate=f'Bearer resource_metadata="{origin}/.well-known/oauth-protected-resource/mcp"')

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
origin = f"http://127.0.0.1:{server.server_port}"
threading.Thread(target=server.serve_forever, daemon=True).start()


class Store:
    tokens = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return OAuthClientInformationFull(client_id="c", redirect_uris=["http://127.0.0.1:9/cb"], token_endpoint_auth_method="none")

    async def set_client_info(self, client):
        pass


state = None


async def open_browser(address):
    global state
    seen["browser"] += 1
    state = parse_qs(urlparse(address).query)["state"][0]


async def came_back():
    return AuthorizationCodeResult(code="code", state=state)


async def main():
    metadata = OAuthClientMetadata(client_name="c", redirect_uris=["http://127.0.0.1:9/cb"], token_endpoint_auth_method="none")
    auth = OAuthClientProvider(server_url=origin + "/mcp", client_metadata=metadata, storage=Store(), redirect_handler=open_browser, callback_handler=came_back)
    async with httpx2.AsyncClient(auth=auth) as http:
        await http.post(origin + "/mcp", json={})
        signed_in = seen["browser"]
        await asyncio.sleep(2)  # the access token expires
        await http.post(origin + "/mcp", json={})
    again = seen["browser"] - signed_in
    print("mcp", version("mcp"))
    print(f"refreshes that were answered with 503: {seen['refreshes']}; the browser is opened {again} times because of it (expected: 0)")
    raise SystemExit(0 if signed_in == 1 and seen["refreshes"] and again else 1)


asyncio.run(main())
PY
venv/bin/python try.py
