"""How a deployment is watched, throttled and replaced: alarms, deployment groups, rules, as CloudFormation gets them.

What the metric filters count is tested in Go, on lines that the functions log: pkg/internal/alarms.
"""

import unittest

from translated import FUNCTIONS, TEMPLATE, translated, values_of

ALARM = "AWS::CloudWatch::Alarm"


def alarms(*changed):
    found = translated(changed)
    return {name: found.value(r["Properties"]) for name, r in found.of_type(ALARM).items()}


def watched(alarm):
    """The metrics that an alarm reads: its own, or those of its expression."""
    if "Metrics" not in alarm:
        return [alarm]
    return [m["MetricStat"]["Metric"] | {"Statistic": m["MetricStat"]["Stat"]} for m in alarm["Metrics"] if "MetricStat" in m]


class Alarms(unittest.TestCase):
    def test_each_function_has_an_alarm_on_errors_throttles_and_slow_calls(self):
        found = {}
        for name, alarm in alarms().items():
            for metric in watched(alarm):
                if metric["Namespace"] == "AWS/Lambda":
                    (dimension,) = metric["Dimensions"]
                    self.assertEqual(dimension["Name"], "FunctionName", name)
                    self.assertNotIn(metric["MetricName"], found.setdefault(dimension["Value"]["Ref"], {}), name)
                    found[dimension["Value"]["Ref"]][metric["MetricName"]] = alarm | metric
        self.assertEqual(sorted(found), FUNCTIONS)
        for function, by_metric in found.items():
            with self.subTest(function=function):
                self.assertEqual(sorted(by_metric), ["Duration", "Errors", "Throttles"])
                for metric in ("Errors", "Throttles"):
                    self.assertEqual((by_metric[metric]["Statistic"], by_metric[metric]["Threshold"]), ("Sum", 1))
                timeout = TEMPLATE["Resources"][function]["Properties"]["Timeout"]
                duration = by_metric["Duration"]
                self.assertEqual((duration["ExtendedStatistic"], duration["Threshold"]), ("p99", timeout * 1000 // 2))
                for alarm in by_metric.values():
                    self.assertEqual(alarm["ComparisonOperator"], "GreaterThanOrEqualToThreshold")
                    self.assertEqual(alarm["TreatMissingData"], "notBreaching")

    def test_tokens_that_a_rest_api_refuses_are_no_errors_of_the_authorizer(self):
        alarm = alarms()["AuthorizerErrorsAlarm"]
        expression, errors, unauthorized = alarm["Metrics"]
        self.assertEqual((errors["Id"], errors["MetricStat"]["Metric"]["MetricName"]), ("errors", "Errors"))
        self.assertEqual((unauthorized["Id"], unauthorized["MetricStat"]["Metric"]["MetricName"]), ("unauthorized", "unauthorized"))
        self.assertEqual({m["MetricStat"]["Period"] for m in (errors, unauthorized)}, {60})
        self.assertEqual([m.get("ReturnData", True) for m in alarm["Metrics"]], [True, False, False])

        def failures(errors, unauthorized):  # by the expression, for a filter that has counted something
            return eval(expression["Expression"], {"FILL": lambda metric, _: metric, "errors": errors, "unauthorized": unauthorized})

        self.assertEqual(failures(3, 0), 3)
        for refused in (1, 1000):
            self.assertLess(failures(refused, refused), alarm["Threshold"])
        self.assertLess(failures(1050, 1000), alarm["Threshold"])  # fifty were logged in the next minute
        self.assertGreaterEqual(failures(1200, 1000), alarm["Threshold"])

    def test_each_alarm_on_the_log_has_a_filter_and_each_filter_an_alarm(self):
        found = translated()
        counted = []
        for name, resource in found.of_type("AWS::Logs::MetricFilter").items():
            properties = found.value(resource["Properties"])
            self.assertEqual(properties["LogGroupName"], {"Ref": "Logs"}, name)
            (metric,) = properties["MetricTransformations"]
            counted.append((str(metric["MetricNamespace"]), metric["MetricName"]))
        metrics = [m for alarm in alarms().values() for m in watched(alarm) if m["Namespace"] != "AWS/Lambda"]
        self.assertEqual(sorted((str(m["Namespace"]), m["MetricName"]) for m in metrics), sorted(counted))
        self.assertEqual(len(set(counted)), len(counted), "two filters count into one metric")

    def test_only_the_rotation_of_keys_is_an_alarm_when_nothing_is_heard(self):
        breaching = [name for name, alarm in alarms().items() if alarm["TreatMissingData"] != "notBreaching"]
        self.assertEqual(breaching, ["RotationAlarm"])
        rotation = alarms()["RotationAlarm"]
        self.assertEqual(rotation["TreatMissingData"], "breaching")
        # Silence must not be taken for the best value.
        (metric,) = translated().resources["RotationFilter"]["Properties"]["MetricTransformations"]
        self.assertNotIn("DefaultValue", metric)
        # The schedule runs each hour, and a run that failed is repeated by the next one.
        self.assertGreaterEqual(rotation["Period"] * rotation["EvaluationPeriods"], 3 * 3600)
        self.assertEqual(
            TEMPLATE["Resources"]["RotateKeysFunction"]["Properties"]["Events"]["Schedule"]["Properties"]["ScheduleExpression"], "rate(1 hour)"
        )

    def test_every_alarm_tells_the_one_address(self):
        for name, alarm in alarms(("AlarmEmail", "ops@example.com")).items():
            self.assertEqual(alarm["AlarmActions"], [{"Ref": "AlarmTopic"}], name)
        for name, alarm in alarms().items():
            self.assertNotIn("AlarmActions", alarm, name)


class Deployment(unittest.TestCase):
    # What else stops the new version of a function, besides its own errors.
    ALSO = {"AuthorizerFunction": {"OutageAlarm"}, "RotateKeysFunction": set(), "MailerFunction": set()}

    def groups(self, *changed):
        found = translated(changed)
        groups = found.of_type("AWS::CodeDeploy::DeploymentGroup")
        for function in FUNCTIONS:
            policy = found.resources[f"{function}Aliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
            self.assertEqual(policy["DeploymentGroupName"], {"Ref": f"{function}DeploymentGroup"})
        self.assertEqual(len(groups), len(FUNCTIONS))
        return {f: found.value(groups[f"{f}DeploymentGroup"]["Properties"]) for f in FUNCTIONS}

    def test_a_slow_deployment_goes_back_when_an_alarm_of_the_function_sounds(self):
        for slow in values_of("Deployment"):
            if slow == "AllAtOnce":
                continue
            for function, group in self.groups(("Deployment", slow)).items():
                with self.subTest(deployment=slow, function=function):
                    self.assertEqual(group["DeploymentConfigName"], f"CodeDeployDefault.Lambda{slow}")
                    stops = {alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]}
                    also = self.ALSO.get(function, {"InternalErrorAlarm", "UnavailableAlarm"})
                    self.assertEqual(stops, {function.removesuffix("Function") + "ErrorsAlarm"} | also)
                    self.assertLessEqual(stops, set(alarms()))
                    self.assertIn("DEPLOYMENT_STOP_ON_ALARM", group["AutoRollbackConfiguration"]["Events"])

    def test_the_default_is_a_slow_one(self):
        for group in self.groups().values():
            self.assertEqual(group["DeploymentConfigName"], "CodeDeployDefault.LambdaCanary10Percent5Minutes")

    def test_a_remedy_can_be_deployed_while_an_alarm_sounds(self):
        for function, group in self.groups(("Deployment", "AllAtOnce")).items():
            self.assertEqual(group["DeploymentConfigName"], "CodeDeployDefault.LambdaAllAtOnce")
            self.assertFalse(group.get("AlarmConfiguration"), f"{function} waits for alarms")

    def test_who_writes_revocations_is_replaced_after_all_who_read_them(self):
        def touching(action):
            return {
                f
                for f in FUNCTIONS
                for policy in TEMPLATE["Resources"][f]["Properties"].get("Policies", [])
                for statement in policy["Statement"]
                if action in str(statement["Action"]) and "REVOCATION#*" in str(statement["Condition"])
            }

        readers, writers = touching("dynamodb:Query"), touching("dynamodb:UpdateItem")
        self.assertIn("AuthorizerFunction", readers)
        self.assertIn("RevokeFunction", writers)
        for writer in writers - readers:
            waits_for = TEMPLATE["Resources"][writer].get("DependsOn", [])
            waits_for = {waits_for} if isinstance(waits_for, str) else set(waits_for)
            self.assertLessEqual({f"{reader}Aliaslive" for reader in readers}, waits_for, writer)

    def test_roles_have_no_managed_policies_but_two_of_a_known_width(self):
        by_policy = {}
        for name, role in translated().of_type("AWS::IAM::Role").items():
            for arn in role["Properties"].get("ManagedPolicyArns", []):
                by_policy.setdefault(arn.split("policy/")[1], set()).add(name)
        self.assertEqual(by_policy.pop("service-role/AWSLambdaBasicExecutionRole"), {f"{f}Role" for f in FUNCTIONS})
        # docs/adr/0051-a-deployment-watches-itself.md
        self.assertEqual(by_policy, {"service-role/AWSCodeDeployRoleForLambda": {"CodeDeployServiceRole"}})


class Rules(unittest.TestCase):
    DOMAIN = (("DomainName", "auth.example.com"),)
    CERTIFICATE = (("CertificateArn", "arn:aws:acm:eu-central-1:123456789012:certificate/1"),)
    ISSUER = (("Issuer", "https://auth.example.com"),)
    ZONE = (("HostedZoneId", "Z0123456789ABCDEFGHIJ"),)
    SHARDS = (("RevocationShards", "4"),)
    KNOWN = (("RevocationShardsBefore", "4"),)
    AT_ONCE = (("Deployment", "AllAtOnce"),)

    def test_what_cannot_work_is_refused_before_anything_changes(self):
        domain, zone, shards = "DomainNeedsCertificateAndIssuer", "ZoneNeedsDomain", "OtherShardsAllAtOnce"
        for changed, refused in [
            ((), set()),
            (self.DOMAIN, {domain}),
            (self.DOMAIN + self.CERTIFICATE, {domain}),
            (self.DOMAIN + self.ISSUER, {domain}),
            (self.DOMAIN + self.CERTIFICATE + self.ISSUER, set()),
            (self.ZONE, {zone}),
            (self.ZONE + self.DOMAIN + self.CERTIFICATE + self.ISSUER, set()),
            ((("SignUp", "off"),), {"SignUpNeedsMail"}),
            ((("SignUp", "invite"),), {"SignUpNeedsMail"}),
            ((("SignUp", "open"), ("MailFrom", "no-reply@example.com")), set()),
            (self.SHARDS, {shards}),
            (self.SHARDS + self.AT_ONCE, set()),
            (self.SHARDS + self.KNOWN, set()),
            (self.KNOWN, {shards}),  # fewer than now
            (self.SHARDS + (("Deployment", "Linear10PercentEvery1Minute"),), {shards}),
        ]:
            with self.subTest(changed=changed):
                self.assertEqual(translated(changed).refused_by_rules(), refused)

    def test_every_rule_is_tried(self):
        self.assertEqual(set(TEMPLATE["Rules"]), {"DomainNeedsCertificateAndIssuer", "ZoneNeedsDomain", "OtherShardsAllAtOnce", "SignUpNeedsMail"})


class Throttles(unittest.TestCase):
    def stage(self, *changed):
        found = translated(changed)
        return found.value(found.resources["ApiApiGatewayDefaultStage"]["Properties"])

    def test_settings_are_only_of_routes_that_there_are(self):
        paths = translated().resources["Api"]["Properties"]["Body"]["paths"]
        routes = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
        self.assertLessEqual(set(self.stage()["RouteSettings"]), routes)

    def test_numbers_of_routes_stay_numbers(self):
        # A !Ref would be a text, and nothing tells CloudFormation the type here.
        for parameter, routes, share in [
            ("LoginsPerSecond", ["POST /login", "POST /signin"], 1),
            ("LoginsPerSecond", ["POST /password", "POST /email", "POST /site/email", "DELETE /account", "DELETE /site/account", "POST /account/keep", "POST /account/close", "POST /email/change", "POST /email/confirm", "POST /email/takeback", "POST /signup", "POST /signup/verify", "POST /recover", "POST /recover/finish"], 2),
            ("RevocationsPerSecond", ["POST /revoke", "POST /logout", "GET /signout", "POST /signout", "DELETE /sessions", "DELETE /sessions/{id}",
                                      "DELETE /grants/{client}", "DELETE /site/grants/{client}"], 1),
        ]:
            for value in TEMPLATE["Parameters"][parameter]["AllowedValues"]:
                settings = self.stage((parameter, str(value)))["RouteSettings"]
                for route in routes:
                    want = {"ThrottlingRateLimit": value // share, "ThrottlingBurstLimit": 2 * value // share}
                    self.assertEqual(settings[route], want, f"{parameter}={value}: {route}")
                    self.assertEqual({type(v) for v in settings[route].values()}, {int}, route)

    def test_the_other_routes_follow_their_parameters(self):
        settings = self.stage(("RequestsPerSecond", "7"), ("RequestBurst", "9"))["DefaultRouteSettings"]
        self.assertEqual(settings, {"ThrottlingRateLimit": "7", "ThrottlingBurstLimit": "9"})


if __name__ == "__main__":
    unittest.main()
