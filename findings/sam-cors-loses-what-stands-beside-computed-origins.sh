#!/usr/bin/env bash
# Surprise: an AllowOrigins that is an intrinsic function becomes the whole CORS configuration of an HTTP API; AllowHeaders and AllowMethods beside it are gone.
# Version: aws-sam-translator 1.115.0
# Source: samtranslator's AWS::Serverless::HttpApi, the member x-amazon-apigateway-cors of its definition; run here
#
# A template whose origins come out of a parameter (!Split [",", !Ref Origins]) and whose headers and methods are written out looks right, and
# is built and validated without a word. One would expect the function to stand in the place of the origins, as it does for
# other properties. An !If around the whole configuration keeps all of it.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check aws-sam-translator==1.115.0

cat >try.py <<'PY'
import json
import logging
import os
from importlib.metadata import version

os.environ["AWS_DEFAULT_REGION"] = "eu-central-1"  # the translator asks for a region, and connects to nothing
logging.disable(logging.WARNING)  # about metrics of its own
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator


def cors(origins):
    """What the API's definition says of CORS, for these origins beside a header and a method."""
    configuration = {"AllowOrigins": origins, "AllowHeaders": ["authorization"], "AllowMethods": ["GET"]}
    route = {"Type": "HttpApi", "Properties": {"ApiId": {"Ref": "Api"}, "Method": "GET", "Path": "/x"}}
    function = {"Runtime": "provided.al2023", "Handler": "bootstrap", "CodeUri": "s3://bucket/key", "Events": {"Get": route}}
    template = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Parameters": {"Origins": {"Type": "String", "Default": ""}},
        "Resources": {
            "Api": {"Type": "AWS::Serverless::HttpApi", "Properties": {"CorsConfiguration": configuration}},
            "Function": {"Type": "AWS::Serverless::Function", "Properties": function},
        },
    }
    output = Translator({}, Parser()).translate(template, {"Origins": "https://a.example,https://b.example"})
    return output["Resources"]["Api"]["Properties"]["Body"]["x-amazon-apigateway-cors"]


print("aws-sam-translator", version("aws-sam-translator"))
written = cors(["https://a.example", "https://b.example"])
computed = cors({"Fn::Split": [",", {"Ref": "Origins"}]})
print("origins written out:", json.dumps(written))
print("origins computed:   ", json.dumps(computed), "(expected: the same three members)")
raise SystemExit(0 if len(written) == 3 and list(computed) == ["Fn::Split"] else 1)
PY
venv/bin/python try.py
