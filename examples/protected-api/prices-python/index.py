import json

from caller import caller_of

CENTS = {"board": 49900, "leash": 2900, "wax": 700}


def handler(event, context):
    """GET /python/prices/{item}: the price for this caller. Whether they may ask was decided before."""
    caller = caller_of(event)
    item = event["pathParameters"]["item"]
    if item not in CENTS:
        return answer(404, {"error": "there is no such item"})
    plan = caller["claims"].get("plan", "")
    discount = 10 if plan == "pro" else 0  # percent
    seen = {name: caller[name] for name in ("sub", "client_id", "scope", "roles")}
    return answer(200, {"item": item, "cents": CENTS[item] - CENTS[item] * discount // 100, "caller": seen | {"plan": plan}})


def answer(status, body):
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body, separators=(",", ":"))}
