"""What SAM makes of template.yaml, held to what Wavepass needs of it. Run by .ci/run: scripts/sam python scripts/template_test.py

The API calls functions by an alias, and the alias points to a published version. SAM names the version by a hash of the
function's properties in which each parameter stands as text, so another value of a parameter would change the function and
never the version that is called (docs/adr/0048-a-changed-parameter-publishes-a-version.md).
"""

import copy
import functools
import json
import logging
import pathlib
import re
import unittest

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it warns of metrics that nobody publishes
TEMPLATE = yaml_parse((pathlib.Path(__file__).parent.parent / "template.yaml").read_text())
MAX_DESCRIPTION = 256  # of AWS::Lambda::Version

# Two values of each parameter that has no AllowedValues, other than its default.
VALUES = {
    "Issuer": ["https://auth.example.com", "https://login.example.org"],
    "Audience": ["https://api.example.com", "https://api.example.org"],
    "KeyPeriod": ["48h", "24h"],
    "RevocationStaleness": ["0s", "1m"],
    "RevocationShards": ["2", "64"],
    "RefreshGrace": ["0s", "5m"],
    "RotationMinAge": ["0s", "1m"],
    "AttemptLimits": ["5/15m,300/15m", "10/15m,100/24h"],
    "WebOrigins": ["https://app.example.com", "http://localhost:5173,https://app.example.com"],
    "DomainName": ["auth.example.com", "login.example.org"],
    "CertificateArn": ["arn:aws:acm:eu-central-1:123456789012:certificate/1", "arn:aws:acm:eu-central-1:123456789012:certificate/2"],
    "HostedZoneId": ["Z0123456789ABCDEFGHIJ", "Z9876543210ABCDEFGHIJ"],
    "AlarmEmail": ["ops@example.com", "security@example.org"],
    "OvertakenPerHour": ["1", "1000"],
    "AuthorizerConcurrency": ["100", "50"],
    "CookieDomain": ["example.com", "example.org"],
}


def default(name):
    return str(TEMPLATE["Parameters"][name].get("Default", ""))


def values_of(name):
    values = [str(v) for v in TEMPLATE["Parameters"][name].get("AllowedValues", VALUES.get(name, []))]
    return [v for v in values if v != default(name)]


@functools.cache
def translated(changed=()):
    """The template as CloudFormation gets it from SAM, when it is deployed with these parameters."""
    template = copy.deepcopy(TEMPLATE)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/code"  # as after `sam package`
    parameters = {name: default(name) for name in TEMPLATE["Parameters"]} | dict(changed)
    return Evaluator(Translator({}, Parser()).translate(template, dict(parameters)), parameters)


class Evaluator:
    """Resolves what depends on parameters as CloudFormation does; what depends on resources stays as it is written."""

    def __init__(self, template, parameters):
        self.template, self.parameters, self.resources = template, parameters, template["Resources"]

    def value(self, node):
        if isinstance(node, list):
            return [v for v in map(self.value, node) if v != {"Ref": "AWS::NoValue"}]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            function, argument = next(iter(node.items()))
            if function == "Ref":
                return self.parameters.get(argument, node)
            if function == "Fn::If":
                return self.value(argument[1] if self.holds(argument[0]) else argument[2])
            if function == "Fn::Sub":
                return self.sub(argument)
            if function == "Fn::Split" and isinstance(text := self.value(argument[1]), str):
                return text.split(argument[0])
        found = {name: self.value(child) for name, child in node.items()}
        return {name: v for name, v in found.items() if v != {"Ref": "AWS::NoValue"}}

    def sub(self, argument):
        text, names = argument if isinstance(argument, list) else (argument, {})
        known = self.parameters | self.value(names)
        return re.sub(r"\$\{([^!}]+)\}", lambda m: str(known.get(m[1], m[0])), text)

    def holds(self, condition):
        if isinstance(condition, str):
            return self.holds(self.template["Conditions"][condition])
        function, argument = next(iter(condition.items()))
        match function:
            case "Fn::Equals":
                return self.value(argument[0]) == self.value(argument[1])
            case "Fn::Not":
                return not self.holds(argument[0])
            case "Fn::And":
                return all(map(self.holds, argument))
            case "Fn::Or":
                return any(map(self.holds, argument))
            case "Condition":
                return self.holds(argument)
        raise NotImplementedError(function)

    def of_type(self, kind):
        return {name: r for name, r in self.resources.items() if r["Type"] == kind}

    def function(self, name):
        """What a version of the function keeps. Its reserved concurrency is the function's, and applies at once."""
        properties = self.value(self.resources[name]["Properties"])
        properties.pop("ReservedConcurrentExecutions", None)
        return properties

    def version(self, function):
        """What CloudFormation tells versions apart by: another name or another property is another version."""
        found = [
            (name, self.value(r["Properties"]))
            for name, r in self.of_type("AWS::Lambda::Version").items()
            if r["Properties"]["FunctionName"] == {"Ref": function}
        ]
        assert len(found) == 1, f"{function}: want one version, found {found}"
        return found[0]


class Versions(unittest.TestCase):
    FUNCTIONS = sorted(n for n, r in TEMPLATE["Resources"].items() if r["Type"] == "AWS::Serverless::Function")

    def test_a_version_is_published_exactly_when_a_parameter_changes_its_function(self):
        changes = 0
        for parameter in TEMPLATE["Parameters"]:
            candidates = values_of(parameter)
            self.assertTrue(candidates, f"{parameter}: write two values of it into VALUES")
            for value in candidates:
                before, after = translated(), translated(((parameter, value),))
                for function in self.FUNCTIONS:
                    uses = before.function(function) != after.function(function)
                    published = before.version(function) != after.version(function)
                    changes += uses
                    with self.subTest(function=function, parameter=parameter, value=value):
                        if uses:
                            self.assertTrue(published, "the function changes, but not the version that is called: add it to VersionDescription")
                        else:
                            # Lambda refuses a second version of the same code and configuration, and the deployment fails.
                            self.assertFalse(published, "nothing of the function changes: take it out of VersionDescription")
        self.assertGreater(changes, len(self.FUNCTIONS))

    def test_two_sets_of_parameters_never_have_the_same_description(self):
        # A space stands between values, so no value may have one; "a b" + "" would read like "a" + "b".
        for name, parameter in TEMPLATE["Parameters"].items():
            for text in (" ", "a b", "https://a.example b"):
                allowed = parameter.get("AllowedValues")
                good = text in allowed if allowed else re.fullmatch(parameter.get("AllowedPattern", ".*"), text)
                if parameter["Type"] != "Number":
                    self.assertFalse(good, f"{name} may have a space: {text!r}")

    def test_descriptions_fit_with_the_longest_values(self):
        for function in self.FUNCTIONS:
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
        self.assertEqual(len(permissions), 1, permissions)
        self.assertEqual(permissions[0]["Principal"], "apigateway.amazonaws.com")
        self.assertTrue(permissions[0]["FunctionName"]["Fn::Sub"].endswith(":${AuthorizerFunction}:live"), permissions[0])

    def test_every_function_is_called_by_its_alias(self):
        found = translated()
        aliases = {r["Properties"]["FunctionName"]["Ref"] for r in found.of_type("AWS::Lambda::Alias").values()}
        self.assertEqual(aliases, set(Versions.FUNCTIONS))
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
        for name, resource in translated().of_type("AWS::IAM::Role").items():
            for policy in resource["Properties"].get("Policies", []):
                for statement in policy["PolicyDocument"]["Statement"]:
                    with self.subTest(role=name):
                        self.assertNotIn("*", "".join(statement["Action"]))
                        self.assertNotEqual(statement["Resource"], "*")
                        self.assertNotIn("NotAction", statement)
                        self.assertNotIn("NotResource", statement)

    OPEN = {
        "post /login", "post /refresh", "get /session", "post /revoke", "post /logout",
        "get /.well-known/jwks.json", "get /.well-known/oauth-authorization-server", "get /.well-known/openid-configuration",
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

    def test_every_alarm_on_events_counts_exactly_one_that_the_functions_emit(self):
        # The lines of this page are held to the code by the tests of pkg/audit.
        page = (pathlib.Path(__file__).parent.parent / "docs/audit.md").read_text()
        events = [json.loads(line)["event"] for line in page.splitlines() if line.startswith("{")]
        found = translated()
        counted = {}
        for name, resource in found.of_type("AWS::Logs::MetricFilter").items():
            properties = found.value(resource["Properties"])
            self.assertEqual(properties["LogGroupName"], {"Ref": "Logs"}, name)
            pattern = re.fullmatch(r'\{ \$\.event = "([a-z_]+)" \}', properties["FilterPattern"])
            self.assertTrue(pattern, f"{name}: a pattern that this test cannot read: {properties['FilterPattern']}")
            self.assertEqual(events.count(pattern[1]), 1, f"{name}: no function emits {pattern[1]}")
            (metric,) = properties["MetricTransformations"]
            counted[str(metric["MetricNamespace"]), metric["MetricName"]] = pattern[1]
        alarms = found.of_type("AWS::CloudWatch::Alarm").values()
        watched = {(str(a["Properties"]["Namespace"]), a["Properties"]["MetricName"]) for a in alarms}
        self.assertEqual(watched, set(counted))
        self.assertEqual(set(counted.values()), {"reuse_detected", "restored_table", "overtaken"})


if __name__ == "__main__":
    unittest.main()
