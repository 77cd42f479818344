"""Holds each example of an OpenAPI 3.1 document to the schema that stands beside it: openapi_examples.py DOCUMENT"""
import sys

import jsonschema
import referencing
import referencing.jsonschema
import yaml

with open(sys.argv[1], encoding="utf-8") as file:
    document = yaml.safe_load(file)
registry = referencing.Registry().with_resource(
    "urn:document", referencing.Resource(contents=document, specification=referencing.jsonschema.DRAFT202012))
seen = wrong = 0


def pointer(path):
    return "#/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in path)


def judge(path, example):
    """Compares an example with the schema at path."""
    global seen, wrong
    seen += 1
    validator = jsonschema.Draft202012Validator(
        {"$ref": "urn:document" + pointer(path)}, registry=registry, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    for error in validator.iter_errors(example):
        wrong += 1
        print(f"{pointer(path)}: {error.message}", file=sys.stderr)


def walk(path, node):
    if isinstance(node, list):
        for i, one in enumerate(node):
            walk(path + [str(i)], one)
    if not isinstance(node, dict):
        return
    beside = path + ["schema"] if "schema" in node else path  # a schema has examples of its own
    if "example" in node:
        judge(beside, node["example"])
    for example in node["examples"] if isinstance(node.get("examples"), list) else []:
        judge(beside, example)
    for name, one in node.items():
        if name not in ("example", "examples"):
            walk(path + [name], one)


walk([], document)
print(f"{seen} examples are as their schemas say")
sys.exit(1 if wrong or not seen else 0)
