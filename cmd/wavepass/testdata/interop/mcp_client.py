"""A client of the MCP SDK for Python, as it is: python mcp_client.py SERVER CLIENT_ID REDIRECT. Its commands and answers are those of mcp.mjs."""

import asyncio
import json
import sys
from urllib.parse import parse_qs, urlparse

import httpx2
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata

address, client_id, redirect = sys.argv[1:]


def say(**answer):
    print(json.dumps(answer), flush=True)


async def read():
    return (await asyncio.to_thread(sys.stdin.readline)).rstrip("\n")


class Memory:
    def __init__(self):
        self.tokens = None
        self.client = OAuthClientInformationFull(client_id=client_id, redirect_uris=[redirect], token_endpoint_auth_method="none")

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


async def open_browser(to):
    say(open=to)


async def came_back():
    query = parse_qs(urlparse(await read()).query)
    return AuthorizationCodeResult(code=query["code"][0], state=query["state"][0], iss=query["iss"][0])


memory = Memory()
auth = OAuthClientProvider(
    server_url=address,
    client_metadata=OAuthClientMetadata(
        client_name="interop", redirect_uris=[redirect], grant_types=["authorization_code", "refresh_token"], token_endpoint_auth_method="none"
    ),
    storage=memory,
    redirect_handler=open_browser,
    callback_handler=came_back,
)


async def call(client, tool):
    result = await client.call_tool(tool, {} if tool == "whoami" else {"place": "Peniche"})
    if result.is_error:
        raise RuntimeError(str(result.content))
    return json.dumps(result.structured_content)


async def command(line):
    name, *arguments = line.split(" ")
    if name == "token":
        return memory.tokens.access_token
    async with httpx2.AsyncClient(auth=auth, timeout=30) as http, Client(streamable_http_client(address, http_client=http)) as client:
        if name == "call":
            return await call(client, arguments[0])
        return " ".join(await asyncio.gather(*(call(client, arguments[0]) for _ in range(int(arguments[1])))))


def reason(error):
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"[:500]


async def main():
    while line := await read():
        try:
            say(said=await command(line))
        except BaseException as error:
            say(failed=reason(error))


asyncio.run(main())
