#!/usr/bin/env bash
# Surprise: under sam local, a Lambda authorizer of a REST API that allows exactly the method that was asked for is not understood when the path has a plus, or brackets.
# Version: aws-sam-cli 1.170.0
# Source: samcli.local.apigw.authorizers.lambda_authorizer, LambdaAuthorizer.is_valid_response; run here
#
# An authorizer may answer with the methodArn of its event as the Resource of its policy. In the Resource of an IAM policy only * and ? are special. SAM CLI makes a regular
# expression of it, and leaves all other characters as they are: the plus then means "once or more", and the request is refused
# with 403, as if the authorizer had said no. One would expect what API Gateway does with the same answer.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check aws-sam-cli==1.170.0

cat >try.py <<'PY'
import json
from importlib.metadata import version

from samcli.local.apigw.authorizers.lambda_authorizer import LambdaAuthorizer

METHOD = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET"
authorizer = LambdaAuthorizer("authorizer", "REQUEST", "Function", ["method.request.header.Authorization"], "1.0")


def allowed(path):
    """Whether the request goes on, when the authorizer allows its own method and path."""
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": METHOD + path}
    answer = {"principalId": "ada", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    return authorizer.is_valid_response(json.dumps(answer), METHOD + path)


print("aws-sam-cli", version("aws-sam-cli"))
seen = {path: allowed(path) for path in ("/files/plain", "/files/a+b", "/files/a(1)")}
for path, yes in seen.items():
    print(f"{path}: {'allowed' if yes else 'refused'} (expected: allowed)")
raise SystemExit(0 if list(seen.values()) == [True, False, False] else 1)
PY
SAM_CLI_TELEMETRY=0 venv/bin/python try.py
