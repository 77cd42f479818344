import json


def caller_of(event):
    """What Wavepass's authorizer has found out about the caller, by the same names behind both kinds of API.

    A route without the authorizer has no caller: then this raises, and the caller of the route gets a 500.
    """
    authorizer = event["requestContext"].get("authorizer") or {}
    caller = {"claims": {}} | (authorizer.get("lambda") or without_text(authorizer))
    if not caller.get("sub"):
        raise ValueError("this route has no authorizer of Wavepass")
    return caller


def without_text(authorizer):
    """A REST API makes a string of every value. Where it was none before, the string is JSON."""
    other = ("roles", "roles_omitted", "claims", "amr", "auth_time", "exp")
    return {name: json.loads(value) if name in other else value for name, value in authorizer.items()}
