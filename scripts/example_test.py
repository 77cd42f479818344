"""What SAM makes of examples/protected-api/template.yaml. Run by .ci/run with the other tests of scripts/."""

import json
import logging
import pathlib
import unittest

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it warns of metrics that nobody publishes
TEMPLATE = yaml_parse((pathlib.Path(__file__).parent.parent / "examples/protected-api/template.yaml").read_text())
AUTHORIZER = json.dumps({"Fn::ImportValue": {"Fn::Sub": "wavepass-AuthorizerArn"}})
OPEN = {"get /items"}


def translated():
    for resource in TEMPLATE["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/code"  # as after `sam package`
    parameters = {name: str(p["Default"]) for name, p in TEMPLATE["Parameters"].items()}
    resources = json.dumps(Translator({}, Parser()).translate(TEMPLATE, parameters)["Resources"])
    return json.loads(resources.replace("${WavepassStack}", "wavepass"))  # of parameters SAM resolves some itself


class ProtectedAPI(unittest.TestCase):
    resources = translated()

    def body(self, api):
        return self.resources[api]["Properties"]["Body"]

    def of_type(self, kind):
        return [r["Properties"] for r in self.resources.values() if r["Type"] == kind]

    def test_each_api_may_call_the_authorizer_and_no_other_may(self):
        sources = [json.dumps(p["SourceArn"]) for p in self.of_type("AWS::Lambda::Permission") if json.dumps(p["FunctionName"]) == AUTHORIZER]
        self.assertEqual(len(sources), 2, sources)
        for api in ("HttpApi", "RestApi"):
            (source,) = [s for s in sources if f'"{api}"' in s]
            self.assertIn("${__ApiId__}/authorizers/*", source)

    def test_every_route_is_guarded_but_the_open_one(self):
        for api in ("HttpApi", "RestApi"):
            routes = {f"{m} {p}": o for p, methods in self.body(api)["paths"].items() for m, o in methods.items()}
            self.assertEqual(len(routes), 8, sorted(routes))
            guarded = {route for route, o in routes.items() if o.get("security") == [{"Wavepass": []}]}
            self.assertEqual(set(routes) - guarded, OPEN, api)

    def test_no_answer_of_the_authorizer_is_kept(self):
        for api in ("HttpApi", "RestApi"):
            (scheme,) = self.body(api)["components"]["securitySchemes"].values()
            authorizer = scheme["x-amazon-apigateway-authorizer"]
            self.assertEqual(authorizer["authorizerResultTtlInSeconds"], 0, api)
            self.assertEqual(authorizer["type"], "request", api)
            self.assertIn(AUTHORIZER, json.dumps(authorizer["authorizerUri"]), api)
            self.assertEqual(authorizer.get("enableSimpleResponses"), {"HttpApi": True}.get(api))

    def test_refusals_of_the_rest_api_say_how_to_go_on(self):
        responses = self.body("RestApi")["x-amazon-apigateway-gateway-responses"]
        found = {kind: (r["statusCode"], *r["responseParameters"].items()) for kind, r in responses.items()}
        challenge, again = "gatewayresponse.header.WWW-Authenticate", ("503", ("gatewayresponse.header.Retry-After", "'1'"))
        self.assertEqual(
            found,
            {
                "UNAUTHORIZED": ("401", (challenge, "'Bearer realm=\"shop\"'")),
                "ACCESS_DENIED": ("403", (challenge, "'Bearer realm=\"shop\", error=\"insufficient_scope\"'")),
                "AUTHORIZER_FAILURE": again,
                "AUTHORIZER_CONFIGURATION_ERROR": again,
            },
        )

    def test_the_rest_api_has_one_stage(self):
        self.assertEqual([s["StageName"] for s in self.of_type("AWS::ApiGateway::Stage")], ["v1"])

    def test_nothing_is_allowed_to_do_everything(self):
        for role in self.of_type("AWS::IAM::Role"):
            for policy in role.get("Policies", []):
                for statement in policy["PolicyDocument"]["Statement"]:
                    self.assertNotIn("*", "".join(statement["Action"]))
                    self.assertNotEqual(statement["Resource"], "*")


if __name__ == "__main__":
    unittest.main()
