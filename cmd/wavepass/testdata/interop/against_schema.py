"""Fails unless a JSON file is what a schema of draft 4 says: against_schema.py SCHEMA FILE"""
import json
import sys

import jsonschema

schema, instance = (json.load(open(name, encoding="utf-8")) for name in sys.argv[1:])
jsonschema.Draft4Validator.check_schema(schema)
errors = list(jsonschema.Draft4Validator(schema).iter_errors(instance))
for error in errors:
    print(f"{error.json_path}: {error.message}", file=sys.stderr)
sys.exit(1 if errors else 0)
