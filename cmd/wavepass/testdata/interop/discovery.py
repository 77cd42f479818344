"""Verifies an access token with the algorithms and the key set that discovery names: ISSUER AUDIENCE TOKEN."""
import json
import ssl
import sys
import urllib.request

import jwt

issuer, audience, token = sys.argv[1:]
trusting = ssl.create_default_context()
with urllib.request.urlopen(issuer + "/.well-known/openid-configuration", context=trusting) as answer:
    document = json.load(answer)
key = jwt.PyJWKClient(document["jwks_uri"], ssl_context=trusting).get_signing_key_from_jwt(token)
jwt.decode(token, key, algorithms=document["id_token_signing_alg_values_supported"], issuer=issuer, audience=audience, leeway=30)
print("accepted")
