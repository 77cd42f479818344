"""What each of the peers in Python begins with, see peer.mjs."""
import json
import sys

given = json.load(sys.stdin)


def say(feature, how, outcome):
    print(feature, how, outcome, sep="\t")


def refusal(call, *arguments, **keywords):
    """The code of the error that a call ends with."""
    try:
        call(*arguments, **keywords)
    except Exception as error:
        return getattr(error, "error", repr(error))
    return "no error"


def check(verify):
    """Checks each of the tokens, by a function that raises for those it refuses."""
    for token in given["tokens"]:
        try:
            verify(token["text"])
            say("RFC 9068 check", token["name"], "accepted")
        except Exception as error:
            say("RFC 9068 check", token["name"], f"refused: {error!r}".replace("\n", " "))
