import time

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from authlib.oidc.discovery import OpenIDProviderMetadata
from authlib.oidc.discovery import get_well_known_url as get_openid_url
from joserfc.jwk import ECKey

from peer import check, given, refusal, say

for how, address, kind in (
    ("RFC 8414", get_well_known_url(given["issuer"], external=True), AuthorizationServerMetadata),
    ("OpenID", get_openid_url(given["issuer"], external=True), OpenIDProviderMetadata),
):
    server = kind(requests.get(address, timeout=10).json())
    server.validate_issuer()
    server.validate_token_endpoint()
    server.validate_jwks_uri()
    server.validate_token_endpoint_auth_methods_supported()
    say("discovery", how, server["token_endpoint"])

app = OAuth2Session("app", token_endpoint_auth_method="none", revocation_endpoint_auth_method="none", token_endpoint=server["token_endpoint"])
tokens = app.refresh_token(refresh_token=given["refresh_token"])
say("refresh", "public", "the same token" if tokens["refresh_token"] == given["refresh_token"] else "rotated")
say("/userinfo", "yes", app.get(server["userinfo_endpoint"]).json()["sub"])
app.revoke_token(server["revocation_endpoint"], token=tokens["refresh_token"]).raise_for_status()
say("revocation", "public", refusal(app.refresh_token, refresh_token=tokens["refresh_token"]))


class ShortLived(PrivateKeyJWT):
    """Its assertions are for the token endpoint, also at other endpoints. Each has a jti of its own, and is good for a minute instead of an hour."""

    def sign(self, auth, token_endpoint):
        self.claims = {"exp": int(time.time()) + 60}
        return super().sign(auth, token_endpoint)


def session(how):
    if how == "key":
        key = ECKey.import_key({**given["jwk"], "kid": "k1"})
        made = OAuth2Session("keyed", key, token_endpoint_auth_method="private_key_jwt", revocation_endpoint_auth_method="private_key_jwt", scope="profile")
        made.register_client_auth_method(ShortLived(server["token_endpoint"], headers={"kid": "k1"}, alg="ES256"))
        return made
    method = "client_secret_" + how
    return OAuth2Session("partner", given["secret"], token_endpoint_auth_method=method, revocation_endpoint_auth_method=method, scope="profile")


for how in ("basic", "post", "key"):
    service = session(how)
    token = service.fetch_token(server["token_endpoint"], grant_type="client_credentials")["access_token"]
    before = service.introspect_token(server["introspection_endpoint"], token=token).json()
    say("client credentials", how, before["sub"])
    say("introspection", how, str(before["active"]).lower())
    service.revoke_token(server["revocation_endpoint"], token=token).raise_for_status()
    say("revocation", how, str(service.introspect_token(server["introspection_endpoint"], token=token).json()["active"]).lower())


class Validator(JWTBearerTokenValidator):
    keys = requests.get(server["jwks_uri"], timeout=10).json()

    def get_jwks(self):
        return self.keys


validator = Validator(issuer=given["issuer"], resource_server=given["audience"])


def verify(text):
    token = validator.authenticate_token(text)
    if token.header.get("typ") != "at+jwt":
        raise ValueError("not an access token")
    token.validate(leeway=30)  # validate_token of the validator allows for no difference of clocks


check(verify)
