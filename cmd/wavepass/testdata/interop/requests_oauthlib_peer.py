import requests
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session

from peer import given, refusal, say

server = given["endpoints"]  # it has no discovery

app = OAuth2Session("app")  # with a scope, an answer that names another one is an error
tokens = app.refresh_token(server["token_endpoint"], refresh_token=given["refresh_token"], client_id="app")
say("refresh", "public", "the same token" if tokens["refresh_token"] == given["refresh_token"] else "rotated")
say("/userinfo", "yes", app.get(server["userinfo_endpoint"]).json()["sub"])


def revoke(client, token, auth=None, **more):
    address, headers, body = client.prepare_token_revocation_request(server["revocation_endpoint"], token, **more)
    requests.post(address, data=body, headers=headers, auth=auth, timeout=10).raise_for_status()


revoke(app._client, tokens["refresh_token"], client_id="app")
say("revocation", "public", refusal(app.refresh_token, server["token_endpoint"], refresh_token=tokens["refresh_token"], client_id="app"))

def about(token):
    """What the server says of it. The library has no introspection."""
    form = {"client_id": "partner", "client_secret": given["secret"], "token": token}
    return requests.post(server["introspection_endpoint"], data=form, timeout=10).json()


for how in ("basic", "post"):
    client = BackendApplicationClient("partner")
    session = OAuth2Session(client=client, scope=["profile"])
    token = session.fetch_token(server["token_endpoint"], client_secret=given["secret"], include_client_id=how == "post")["access_token"]
    say("client credentials", how, about(token)["sub"])
    if how == "basic":
        revoke(client, token, auth=("partner", given["secret"]))
    else:
        revoke(client, token, client_id="partner", client_secret=given["secret"])
    say("revocation", how, str(about(token)["active"]).lower())
