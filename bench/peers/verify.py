"""Measures PyJWT, which checks access tokens in Python. Reads lines "WHAT CALLS" and answers each with the milliseconds of processor time that the calls took together."""
import json
import os
import sys
import time

import jwt

given = json.loads(os.environ["BENCH"])
issuer, audience = given["issuer"], given["audience"]
keys = jwt.PyJWKSet.from_dict(given["jwks"])
algorithm = given["jwks"]["keys"][0]["alg"]


def check(token):
    key = keys[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(token, key, algorithms=[algorithm], issuer=issuer, audience=audience, options={"require": ["exp", "iss", "aud"]})


def authorize(payload):
    """An authorizer as one writes it around the library, from the event's JSON to the answer's."""
    event, answer = json.loads(payload), {"isAuthorized": False}
    scheme, _, token = event["identitySource"][0].partition(" ")
    if scheme == "Bearer":
        try:
            claims = check(token)
            answer = {"isAuthorized": True, "context": {"sub": claims["sub"]}}
        except jwt.InvalidTokenError:
            pass
    return json.dumps(answer)


token, event = given["token"], given["event"]
if not json.loads(authorize(event))["isAuthorized"] or json.loads(authorize(event.replace(token, token[:-8] + "AAAAAAAA")))["isAuthorized"]:
    sys.exit("the authorizer in Python gives a wrong answer")
do = {"PyJWT": lambda: check(token), "authorize": lambda: authorize(event)}
for line in sys.stdin:
    what, calls = line.split()
    call, begin = do[what], time.process_time()
    for _ in range(int(calls)):
        call()
    print((time.process_time() - begin) * 1000, flush=True)
