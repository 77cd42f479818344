"""What SAM makes of template.yaml, held to what Wavepass needs of it. Run by .ci/run: scripts/sam python -m unittest discover scripts "*_test.py"

The API calls functions by an alias, and the alias points to a published version. SAM names the version by a hash of the
function's properties in which each parameter stands as text, so another value of a parameter would change the function and
never the version that is called (docs/adr/0048-a-changed-parameter-publishes-a-version.md).
"""

import re
import unittest

from translated import FUNCTIONS, TEMPLATE, default, translated, values_of

MAX_DESCRIPTION = 256  # of AWS::Lambda::Version


def descriptions():
    return [TEMPLATE["Resources"][function]["Properties"]["VersionDescription"]["Fn::Sub"] for function in FUNCTIONS]


class Versions(unittest.TestCase):
    def test_a_version_is_published_exactly_when_a_parameter_changes_its_function(self):
        changes = 0
        for parameter in TEMPLATE["Parameters"]:
            candidates = values_of(parameter)
            self.assertTrue(candidates, f"{parameter}: write two values of it into VALUES")
            for value in candidates:
                before, after = translated(), translated(((parameter, value),))
                for function in FUNCTIONS:
                    uses = before.function(function) != after.function(function)
                    published = before.version(function) != after.version(function)
                    changes += uses
                    with self.subTest(function=function, parameter=parameter, value=value):
                        if uses:
                            self.assertTrue(published, "the function changes, but not the version that is called: add it to VersionDescription")
                        else:
                            # Lambda refuses a second version of the same code and configuration, and the deployment fails.
                            self.assertFalse(published, "nothing of the function changes: take it out of VersionDescription")
        self.assertGreater(changes, len(FUNCTIONS))

    def test_two_sets_of_parameters_never_have_the_same_description(self):
        # A space stands between values, so no value may have one but the last; "a b" + "" would read like "a" + "b".
        for name, parameter in TEMPLATE["Parameters"].items():
            if all(d.count(f"${{{name}}}") == 0 or d.endswith(f" ${{{name}}}") for d in descriptions()):
                continue
            for text in (" ", "a b", "https://a.example b"):
                allowed = parameter.get("AllowedValues")
                good = text in allowed if allowed else re.fullmatch(parameter.get("AllowedPattern", ".*"), text)
                if parameter["Type"] != "Number":
                    self.assertFalse(good, f"{name} may have a space: {text!r}")

    def test_descriptions_fit_with_the_longest_values(self):
        for function in FUNCTIONS:
            description = TEMPLATE["Resources"][function]["Properties"]["VersionDescription"]["Fn::Sub"]
            longest = re.sub(r"\$\{([A-Za-z]+)\}", lambda m: "x" * self.longest(m[1]), description)
            self.assertLessEqual(len(longest), MAX_DESCRIPTION, f"{function}: {description}")

    def longest(self, name):
        parameter = TEMPLATE["Parameters"][name]
        if "AllowedValues" in parameter:
            return max(len(str(v)) for v in parameter["AllowedValues"])
        if parameter["Type"] == "Number":
            return len(str(parameter["MaxValue"]))
        self.assertIn("MaxLength", parameter, f"{name} stands in a VersionDescription and has no MaxLength")
        return parameter["MaxLength"]


class Parameters(unittest.TestCase):
    def test_the_values_of_this_test_and_the_defaults_could_be_deployed(self):
        for name, parameter in TEMPLATE["Parameters"].items():
            for value in [default(name), *values_of(name)]:
                if "AllowedPattern" in parameter:
                    self.assertRegex(value, f"^(?:{parameter['AllowedPattern']})$", name)
                self.assertLessEqual(len(value), parameter.get("MaxLength", 1000), name)


class Output(unittest.TestCase):
    def test_the_gateway_may_call_the_authorizer_by_its_alias(self):
        permissions = [
            r["Properties"]
            for r in translated().of_type("AWS::Lambda::Permission").values()
            if "AuthorizerFunction" in str(r["Properties"]["FunctionName"])
        ]
        self.assertEqual(len(permissions), 2, permissions)  # one for each authorizer that the function is
        for permission in permissions:
            self.assertEqual(permission["Principal"], "apigateway.amazonaws.com")
            self.assertTrue(permission["FunctionName"]["Fn::Sub"].endswith(":${AuthorizerFunction}:live"), permission)

    def test_routes_of_sites_and_no_others_are_guarded_by_the_cookie(self):
        body = translated().resources["Api"]["Properties"]["Body"]
        for path, methods in body["paths"].items():
            for method, operation in methods.items():
                with self.subTest(route=f"{method} {path}"):
                    guards = [name for scheme in operation.get("security", []) for name in scheme]
                    if path.startswith("/site/"):
                        self.assertEqual(guards, ["SiteAuthorizer"])
                    else:
                        self.assertNotIn("SiteAuthorizer", guards)
        for name, header in {"TokenAuthorizer": "Authorization", "SiteAuthorizer": "Cookie"}.items():
            authorizer = body["components"]["securitySchemes"][name]["x-amazon-apigateway-authorizer"]
            self.assertEqual(authorizer["identitySource"], [f"$request.header.{header}"])
            self.assertEqual(authorizer["authorizerResultTtlInSeconds"], 0)

    def test_every_function_is_called_by_its_alias(self):
        found = translated()
        aliases = {r["Properties"]["FunctionName"]["Ref"] for r in found.of_type("AWS::Lambda::Alias").values()}
        self.assertEqual(aliases, set(FUNCTIONS))
        api = found.resources["Api"]["Properties"]["Body"]
        for path, methods in api["paths"].items():
            for method, operation in methods.items():
                uri = str(operation["x-amazon-apigateway-integration"]["uri"])
                self.assertRegex(uri, r"Aliaslive", f"{method} {path} calls $LATEST")

    def test_a_domain_of_its_own_switches_the_other_address_off(self):
        def switched_off(*changed):
            found = translated(changed)
            self.assertIn("ApiApiGatewayDefaultStage", found.resources)
            (server,) = found.value(found.resources["Api"]["Properties"]["Body"]["servers"])
            return server["x-amazon-apigateway-endpoint-configuration"]

        self.assertEqual(switched_off(), {"disableExecuteApiEndpoint": False})
        self.assertEqual(switched_off(("DomainName", "auth.example.com")), {"disableExecuteApiEndpoint": True})

    def test_the_authorizer_is_exported_by_its_alias_and_only_with_an_issuer(self):
        found = translated()
        output = found.template["Outputs"]["AuthorizerArn"]
        self.assertEqual(output["Value"], {"Ref": "AuthorizerFunctionAliaslive"})
        self.assertFalse(found.holds(output["Condition"]))
        self.assertTrue(translated((("Issuer", "https://auth.example.com"),)).holds(output["Condition"]))

    def test_nothing_is_allowed_to_do_everything(self):
        def statements(node):
            if isinstance(node, dict):
                yield from node.get("Statement", [])
                for child in node.values():
                    yield from statements(child)
            elif isinstance(node, list):
                for child in node:
                    yield from statements(child)

        judged = 0
        for name, resource in translated().resources.items():
            if name == "SealingKey":  # a key's policy names the key itself by a star, and gives IAM the say
                continue
            for statement in statements(resource["Properties"]):
                judged += 1
                with self.subTest(resource=name):
                    self.assertNotIn("*", "".join(statement["Action"]))
                    self.assertNotEqual(statement.get("Resource"), "*")
                    self.assertNotIn("NotAction", statement)
                    self.assertNotIn("NotResource", statement)
        self.assertGreater(judged, 3 * len(FUNCTIONS))

    OPEN = {
        "post /login", "post /refresh", "post /token", "post /par", "post /introspect", "get /session", "post /revoke", "post /logout",
        "get /authorize", "post /authorize", "post /signin", "post /signin/provider", "post /consent", "get /callback/{provider}", "get /signout", "post /signout",
        "get /.well-known/jwks.json", "get /.well-known/oauth-authorization-server", "get /.well-known/openid-configuration",
        "get /signup", "post /signup", "get /signup/verify", "post /signup/verify", "get /recover", "post /recover", "get /recover/finish", "post /recover/finish",
        "get /email/change", "post /email/change", "get /email/confirm", "post /email/confirm", "get /email/takeback", "post /email/takeback", "get /account/close", "post /account/close", "get /account/keep", "post /account/keep",
        "get /.well-known/oauth-protected-resource", "get /.well-known/oauth-protected-resource/{path+}",
    }

    def test_every_route_is_guarded_or_meant_to_be_open(self):
        paths = translated().resources["Api"]["Properties"]["Body"]["paths"]
        open_routes = {f"{m} {p}" for p, methods in paths.items() for m, o in methods.items() if not o.get("security")}
        self.assertEqual(open_routes, self.OPEN)

    def test_cors_reaches_the_api_whole(self):
        def cors(*changed):
            found = translated(changed)
            return found.value(found.resources["Api"]["Properties"]["Body"]).get("x-amazon-apigateway-cors")

        self.assertEqual(cors(), None)
        got = cors(("WebOrigins", "https://a.example,https://b.example"))
        self.assertEqual(got.pop("allowOrigins"), ["https://a.example", "https://b.example"])
        self.assertEqual(
            got,
            {
                "allowCredentials": True,
                "allowHeaders": ["authorization", "content-type"],
                "allowMethods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
                "exposeHeaders": ["retry-after", "www-authenticate"],
                "maxAge": 300,
            },
        )


if __name__ == "__main__":
    unittest.main()
