"""What SAM makes of the templates of examples/. Run by .ci/run with the other tests of scripts/."""

import json
import logging
import pathlib
import unittest

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it warns of metrics that nobody publishes
EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"
AUTHORIZER = json.dumps({"Fn::ImportValue": {"Fn::Sub": "wavepass-AuthorizerArn"}})


def translated(example):
    template = yaml_parse((EXAMPLES / example / "template.yaml").read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/code"  # as after `sam package`
    parameters = {name: str(p["Default"]) for name, p in template["Parameters"].items()}
    resources = json.dumps(Translator({}, Parser()).translate(template, parameters)["Resources"])
    return json.loads(resources.replace("${WavepassStack}", "wavepass"))  # of parameters SAM resolves some itself


class Example:
    """What holds for every example."""

    def body(self, api):
        return self.resources[api]["Properties"]["Body"]

    def of_type(self, kind):
        return [r["Properties"] for r in self.resources.values() if r["Type"] == kind]

    def routes(self, api):
        return {f"{m} {p}": o for p, methods in self.body(api)["paths"].items() for m, o in methods.items()}

    def authorizer(self, api):
        (scheme,) = self.body(api)["components"]["securitySchemes"].values()
        return scheme["x-amazon-apigateway-authorizer"]


class ProtectedAPI(Example, unittest.TestCase):
    resources = translated("protected-api")

    def test_each_api_may_call_the_authorizer_and_no_other_may(self):
        sources = [json.dumps(p["SourceArn"]) for p in self.of_type("AWS::Lambda::Permission") if json.dumps(p["FunctionName"]) == AUTHORIZER]
        self.assertEqual(len(sources), 3, sources)
        (source,) = [s for s in sources if "${Sockets}" in s]
        self.assertIn("${Sockets}/authorizers/${SocketsAuthorizer}", source)
        for api in ("HttpApi", "RestApi"):
            (source,) = [s for s in sources if f'"{api}"' in s]
            self.assertIn("${__ApiId__}/authorizers/*", source)

    def test_every_route_is_guarded_but_the_open_one(self):
        for api in ("HttpApi", "RestApi"):
            routes = self.routes(api)
            self.assertEqual(len(routes), 8, sorted(routes))
            guarded = {route for route, o in routes.items() if o.get("security") == [{"Wavepass": []}]}
            self.assertEqual(set(routes) - guarded, {"get /items"}, api)

    def test_no_answer_of_the_authorizer_is_kept(self):
        for api in ("HttpApi", "RestApi"):
            authorizer = self.authorizer(api)
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

    def test_a_websocket_is_authorized_when_it_is_opened(self):
        routes = {r["RouteKey"]: r.get("AuthorizerId") for r in self.of_type("AWS::ApiGatewayV2::Route")}
        self.assertEqual(routes, {"$connect": {"Ref": "SocketsAuthorizer"}, "$default": None, "$disconnect": None})
        (authorizer,) = self.of_type("AWS::ApiGatewayV2::Authorizer")
        (source,) = authorizer["IdentitySource"]
        self.assertEqual(source, {"Fn::If": ["ByTicket", "route.request.querystring.ticket", "route.request.header.Authorization"]})
        self.assertNotIn("AuthorizerResultTtlInSeconds", authorizer)  # answers are not kept
        self.assertIn(AUTHORIZER, json.dumps(authorizer["AuthorizerUri"]))

    def test_the_function_of_websockets_may_close_them_and_those_alone(self):
        policies = [json.dumps(p) for role in self.of_type("AWS::IAM::Role") for p in role.get("Policies", [])]
        (policy,) = [json.loads(p)["PolicyDocument"]["Statement"] for p in policies if "@connections" in p]
        self.assertEqual(policy[0]["Action"], ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"])
        self.assertEqual(policy[0]["Resource"], {"Fn::GetAtt": ["Connections", "Arn"]})
        self.assertEqual((policy[1]["Action"], policy[1]["Resource"]), ("dynamodb:Query", {"Fn::Sub": "${Connections.Arn}/index/BySession"}))
        for statement, method in zip(policy[2]["Resource"], ("POST", "DELETE"), strict=True):
            self.assertTrue(statement["Fn::Sub"].endswith(f":${{Sockets}}/v1/{method}/@connections/*"), statement)
        self.assertEqual(len(policy), 3)

    def test_the_rest_api_has_one_stage(self):
        self.assertEqual([s["StageName"] for s in self.of_type("AWS::ApiGateway::Stage")], ["v1"])


class Site(Example, unittest.TestCase):
    resources = translated("site")

    def test_pages_are_guarded_but_the_form_and_the_style_sheet(self):
        routes = self.routes("HttpApi")
        guarded = {route for route, o in routes.items() if o.get("security") == [{"Wavepass": []}]}
        self.assertEqual(guarded, {"get /", "get /basket", "post /basket", "get /devices", "post /devices/{sid}"})
        self.assertEqual(set(routes) - guarded, {"get /sign-in", "get /style.css"})

    def test_the_authorizer_is_asked_about_people_without_a_cookie_too_and_no_answer_is_kept(self):
        authorizer = self.authorizer("HttpApi")
        self.assertEqual(authorizer["identitySource"], ["$context.routeKey"])
        self.assertEqual(authorizer["authorizerResultTtlInSeconds"], 0)
        self.assertTrue(authorizer["enableSimpleResponses"])
        self.assertIn(AUTHORIZER, json.dumps(authorizer["authorizerUri"]))

    def test_the_shop_is_reached_by_its_domain_alone_which_leads_to_wavepass_below_auth(self):
        (server,) = self.body("HttpApi")["servers"]
        self.assertTrue(server["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"])
        keys = {json.dumps(m["ApiId"]): m.get("ApiMappingKey") for m in self.of_type("AWS::ApiGatewayV2::ApiMapping")}
        self.assertEqual(keys, {'{"Ref": "HttpApi"}': None, '{"Ref": "WavepassApiId"}': "auth"})
        (function,) = self.of_type("AWS::Lambda::Function")
        self.assertIn("/auth", json.dumps(function["Environment"]["Variables"]["WAVEPASS_URL"]))

    def test_the_shop_uses_its_own_table_and_nothing_else(self):
        (policy,) = [p for role in self.of_type("AWS::IAM::Role") for p in role["Policies"]]
        (statement,) = policy["PolicyDocument"]["Statement"]
        self.assertEqual(statement["Action"], ["dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:DeleteItem"])
        self.assertEqual(statement["Resource"], {"Fn::GetAtt": ["Baskets", "Arn"]})
        (table,) = self.of_type("AWS::DynamoDB::Table")
        self.assertEqual(table["TimeToLiveSpecification"], {"AttributeName": "expires_at", "Enabled": True})


class MCPServer(Example, unittest.TestCase):
    resources = translated("mcp-server")

    def test_the_rest_api_is_guarded_and_keeps_no_answer(self):
        routes = self.routes("RestApi")
        self.assertEqual({route for route, o in routes.items() if o.get("security") == [{"Wavepass": []}]}, {"post /mcp"})
        self.assertEqual(set(routes), {"post /mcp"})
        authorizer = self.authorizer("RestApi")
        self.assertEqual(authorizer["authorizerResultTtlInSeconds"], 0)
        self.assertIn(AUTHORIZER, json.dumps(authorizer["authorizerUri"]))

    def test_the_http_api_leaves_tokens_to_the_function_and_serves_the_documents(self):
        routes = self.routes("HttpApi")
        self.assertEqual(set(routes), {"post /mcp", "get /.well-known/oauth-protected-resource/{path+}"})
        self.assertFalse([route for route, o in routes.items() if o.get("security")])

    def test_refusals_of_the_rest_api_lead_to_the_document_of_the_resource(self):
        responses = self.body("RestApi")["x-amazon-apigateway-gateway-responses"]
        found = {kind: (r["statusCode"], json.dumps(r["responseParameters"])) for kind, r in responses.items()}
        document = "/.well-known/oauth-protected-resource/rest/mcp"
        for kind, status in {"UNAUTHORIZED": "401", "ACCESS_DENIED": "403"}.items():
            self.assertEqual(found[kind][0], status)
            for part in ("gatewayresponse.header.WWW-Authenticate", document, "waves:read"):
                self.assertIn(part, found[kind][1])
        self.assertIn("insufficient_scope", found["ACCESS_DENIED"][1])
        self.assertEqual({found["AUTHORIZER_FAILURE"][0], found["AUTHORIZER_CONFIGURATION_ERROR"][0]}, {"503"})

    def test_clients_come_by_the_domain_alone(self):
        for api in ("HttpApi", "RestApi"):
            text = json.dumps(self.body(api))
            self.assertIn('"disableExecuteApiEndpoint": true', text, api)
        keys = {json.dumps(m["ApiId"]): m.get("ApiMappingKey") for m in self.of_type("AWS::ApiGatewayV2::ApiMapping")}
        self.assertEqual(keys, {'{"Ref": "HttpApi"}': None, '{"Ref": "RestApi"}': "rest"})


if __name__ == "__main__":
    unittest.main()
