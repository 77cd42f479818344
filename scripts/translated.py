"""template.yaml as CloudFormation gets it from SAM, for the tests beside this file."""

import copy
import functools
import logging
import pathlib
import re

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it warns of metrics that nobody publishes
TEMPLATE = yaml_parse((pathlib.Path(__file__).parent.parent / "template.yaml").read_text())
FUNCTIONS = sorted(n for n, r in TEMPLATE["Resources"].items() if r["Type"] == "AWS::Serverless::Function")

# Two values of each parameter that has no AllowedValues, other than its default.
VALUES = {
    "Issuer": ["https://auth.example.com", "https://login.example.org"],
    "Audience": ["https://api.example.com", "https://api.example.org"],
    "KeyPeriod": ["48h", "24h"],
    "RevocationStaleness": ["0s", "1m"],
    "RevocationShards": ["2", "64"],
    "RefreshGrace": ["0s", "5m"],
    "RotationMinAge": ["0s", "1m"],
    "PagesName": ["Acme", "Acme Surf Club"],
    "PagesLogo": ["https://acme.example/a.svg", "https://acme.example/b.svg?v=2"],
    "PagesColour": ["#0a5fd9", "#FFE04A"],
    "AttemptLimits": ["5/15m,300/15m", "10/15m,100/24h"],
    "PasswordMinLength": ["12", "64"],
    "WebOrigins": ["https://app.example.com", "http://localhost:5173,https://app.example.com"],
    "DomainName": ["auth.example.com", "login.example.org"],
    "CertificateArn": ["arn:aws:acm:eu-central-1:123456789012:certificate/1", "arn:aws:acm:eu-central-1:123456789012:certificate/2"],
    "HostedZoneId": ["Z0123456789ABCDEFGHIJ", "Z9876543210ABCDEFGHIJ"],
    "MailFrom": ["no-reply@example.com", "accounts@mail.example.org"],
    "MailTextsLayer": ["arn:aws:lambda:eu-central-1:123456789012:layer:texts:1", "arn:aws:lambda:eu-central-1:123456789012:layer:texts:2"],
    "AlarmEmail": ["ops@example.com", "security@example.org"],
    "OvertakenPerHour": ["1", "1000"],
    "RequestsPerSecond": ["1", "1000"],
    "RequestBurst": ["1", "2000"],
    "RevocationShardsBefore": ["2", "64"],
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
                sides = [self.value(side) for side in argument]
                assert all(isinstance(side, str) for side in sides), f"{argument}: CloudFormation compares texts: quote the number"
                return sides[0] == sides[1]
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

    def refused_by_rules(self):
        """The names of the rules that refuse these parameters."""
        return {
            name
            for name, rule in TEMPLATE["Rules"].items()
            if self.holds(rule["RuleCondition"]) and not all(self.holds(a["Assert"]) for a in rule["Assertions"])
        }
