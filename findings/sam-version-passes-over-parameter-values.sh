#!/usr/bin/env bash
# Surprise: with AutoPublishAlias and AutoPublishAliasAllProperties, another value of a template parameter that a function uses publishes no version.
# Version: aws-sam-translator 1.115.0
# Source: samtranslator.model.sam_resources, the id of the AWS::Lambda::Version; run here
#
# The API calls such a function by its alias, which points to a published version. One would expect that a changed environment
# variable reaches the alias, as "all properties" says. The version's logical id is made of the properties as the template has
# them, so `!Ref` of a parameter is the same text whatever its value is: the change arrives at $LATEST only.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check aws-sam-translator==1.115.0

cat >try.py <<'PY'
import copy
import logging
import os
from importlib.metadata import version

os.environ["AWS_DEFAULT_REGION"] = "eu-central-1"  # the translator asks for a region, and connects to nothing
logging.disable(logging.WARNING)  # about metrics of its own
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

TEMPLATE = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Parameters": {"Limit": {"Type": "String", "Default": "5"}},
    "Resources": {
        "Function": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Runtime": "provided.al2023",
                "Handler": "bootstrap",
                "CodeUri": "s3://bucket/key",
                "AutoPublishAlias": "live",
                "AutoPublishAliasAllProperties": True,
                "Environment": {"Variables": {"LIMIT": {"Ref": "Limit"}}},
            },
        }
    },
}


def published(limit, written=None):
    """The id of the version, when the parameter has this value, or when the value is written in the parameter's place."""
    template = copy.deepcopy(TEMPLATE)
    if written:
        template["Resources"]["Function"]["Properties"]["Environment"]["Variables"]["LIMIT"] = written
    output = Translator({}, Parser()).translate(template, {"Limit": limit})
    return [name for name, resource in output["Resources"].items() if resource["Type"] == "AWS::Lambda::Version"]


print("aws-sam-translator", version("aws-sam-translator"))
five, six = published("5"), published("6")
print("by a parameter of 5 and of 6:", five, six, "(expected: two ids)")
print("written as 5 and as 6:       ", published("5", "5"), published("5", "6"))
raise SystemExit(0 if five == six and published("5", "5") != published("5", "6") else 1)
PY
venv/bin/python try.py
