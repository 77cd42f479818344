#!/usr/bin/env bash
# Surprise: AllowOrigins: !Ref of a CommaDelimitedList parameter becomes one text with commas, where the definition of an HTTP API has a list of origins.
# Version: aws-sam-translator 1.115.0
# Source: samtranslator's AWS::Serverless::HttpApi, the member x-amazon-apigateway-cors of its definition; run here
#
# CloudFormation makes a list of such a parameter wherever it is referred to. The translator comes before CloudFormation, puts the
# parameter's value in the place of the !Ref, and takes it as the text that was passed in, whatever the parameter's type is. One would expect a list, or
# the !Ref left as it is for CloudFormation.
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

ORIGINS = "https://a.example,https://b.example"
TEMPLATE = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Parameters": {"Origins": {"Type": "CommaDelimitedList", "Default": ORIGINS}},
    "Resources": {
        "Api": {"Type": "AWS::Serverless::HttpApi", "Properties": {"CorsConfiguration": {"AllowOrigins": {"Ref": "Origins"}}}},
        "Function": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Runtime": "provided.al2023",
                "Handler": "bootstrap",
                "CodeUri": "s3://bucket/key",
                "Events": {"Get": {"Type": "HttpApi", "Properties": {"ApiId": {"Ref": "Api"}, "Method": "GET", "Path": "/x"}}},
            },
        },
    },
}

output = Translator({}, Parser()).translate(TEMPLATE, {"Origins": ORIGINS})
origins = output["Resources"]["Api"]["Properties"]["Body"]["x-amazon-apigateway-cors"]["allowOrigins"]
print("aws-sam-translator", version("aws-sam-translator"))
print("seen:    ", json.dumps(origins))
print("expected:", json.dumps(ORIGINS.split(",")), 'or {"Ref": "Origins"}')
raise SystemExit(0 if origins == ORIGINS else 1)
PY
venv/bin/python try.py
