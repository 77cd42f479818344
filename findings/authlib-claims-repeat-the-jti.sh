#!/usr/bin/env bash
# Surprise: Authlib's PrivateKeyJWT gives its first two assertions the same jti when it was made with claims of one's own.
# Version: Authlib 1.9.10
# Source: authlib.oauth2.rfc7523.assertion, which writes the jti into the dict that it was given; run here
#
# A server that allows less than an hour, as RFC 7523 §3 lets it, needs PrivateKeyJWT(claims={"exp": …}). The jti of the first assertion stays in that
# dict, and each later one has it again. A server that takes a jti once (RFC 7523 §3) then refuses the second request of a client that has done nothing
# wrong. One would expect a jti for each assertion, as without claims.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check Authlib==1.9.10 requests==2.34.2

cat >try.py <<'PY'
import time
from importlib.metadata import version
from types import SimpleNamespace

from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import ECKey

key = ECKey.generate_key("P-256")
service = SimpleNamespace(client_id="orders", client_secret=key)


def ids(**options):
    """The jti of two assertions, one after the other."""
    method = PrivateKeyJWT("https://auth.example.com/token", alg="ES256", **options)
    return [jwt.decode(method.sign(service, "https://auth.example.com/token"), key).claims["jti"] for _ in range(2)]


print("Authlib", version("Authlib"))
plain, own = ids(), ids(claims={"exp": int(time.time()) + 60})
print("without claims:", "two" if plain[0] != plain[1] else "one", "(expected: two)")
print("with an exp:   ", "two" if own[0] != own[1] else "one", "(expected: two)")
raise SystemExit(0 if plain[0] != plain[1] and own[0] == own[1] else 1)
PY
venv/bin/python try.py
