package permissions_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/faultproxy"
	"github.com/wavepass/wavepass/pkg/internal/permissions"
)

func TestStatementsAreReadAsIAMDoes(t *testing.T) {
	revoke := faultproxy.Call{Operation: "TransactWriteItems", Accesses: []faultproxy.Access{
		{Action: "UpdateItem", Key: "SESSIONS#1"}, {Action: "PutItem", Key: "REVOCATION#0"},
	}, Attributes: []string{"pk", "reason"}}
	const update, put, star = "UpdateItem", "PutItem", true
	type list = []string
	for name, test := range map[string]struct {
		actions, keys list
		pattern       bool
		differences   int // an action that is denied, an action on a key that is not needed
	}{
		"just right":        {list{update, put}, list{"SESSIONS#*", "REVOCATION#*"}, star, 0},
		"one key missing":   {list{update, put}, list{"SESSIONS#*"}, star, 2 + 2},
		"one action":        {list{put}, list{"SESSIONS#*", "REVOCATION#*"}, star, 1},
		"another action":    {list{"GetItem"}, list{"SESSIONS#*", "REVOCATION#*"}, star, 2 + 2},
		"an action more":    {list{update, put, "DeleteItem"}, list{"SESSIONS#*", "REVOCATION#*"}, star, 2},
		"a key more":        {list{update, put}, list{"SESSIONS#*", "REVOCATION#*", "LOGIN#*"}, star, 2},
		"star as character": {list{update, put}, list{"SESSIONS#*", "REVOCATION#*"}, !star, 2 + 4},
	} {
		statements := []permissions.Statement{{Service: permissions.Table, Actions: test.actions, Keys: test.keys, Pattern: test.pattern, Transaction: true}}
		got := permissions.Differences("revoke", statements, []faultproxy.Call{revoke})
		if len(got) != test.differences {
			t.Errorf("%s: %d differences %q, want %d", name, len(got), got, test.differences)
		}
	}
	fit := permissions.Statement{
		Service: permissions.Table, Actions: list{update, put}, Keys: list{"SESSIONS#*", "REVOCATION#*"}, Pattern: true,
		Attributes: list{"pk", "reason"}, Transaction: true,
	}
	for name, test := range map[string]struct {
		change      func(s *permissions.Statement)
		differences int
	}{
		"attributes that fit":      {func(*permissions.Statement) {}, 0},
		"an attribute missing":     {func(s *permissions.Statement) { s.Attributes = list{"pk"} }, 2 + 6},
		"an attribute more":        {func(s *permissions.Statement) { s.Attributes = list{"pk", "reason", "hash"} }, 2},
		"also outside transaction": {func(s *permissions.Statement) { s.Transaction = false }, 2},
	} {
		changed := fit
		test.change(&changed)
		got := permissions.Differences("revoke", []permissions.Statement{changed}, []faultproxy.Call{revoke})
		if len(got) != test.differences {
			t.Errorf("%s: %d differences %q, want %d", name, len(got), got, test.differences)
		}
	}
	alone := faultproxy.Call{Operation: "PutItem", Accesses: revoke.Accesses[1:]}
	if permissions.Allow([]permissions.Statement{fit}, alone) {
		t.Error("a put outside transactions was allowed by a statement for transactions")
	}
	// Each action and key is allowed by one of two statements, the transaction by none.
	apart := []permissions.Statement{
		{Service: permissions.Table, Actions: list{update}, Keys: list{"SESSIONS#*"}, Pattern: true},
		{Service: permissions.Table, Actions: list{put}, Keys: list{"REVOCATION#*"}, Pattern: true},
	}
	if permissions.Allow(apart, revoke) {
		t.Error("a transaction was allowed by two statements that each allow a part of it")
	}
}

// function is a template with one function that has these lines as its properties.
func function(lines ...string) string {
	return "Parameters: {Before: {Type: String, Default: ''}}\n" +
		"Conditions: {Migrates: !Not [!Equals [!Ref Before, '']]}\n" +
		"Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: functions/f/\n" +
		"      " + strings.Join(lines, "\n      ") + "\n"
}

// policy is a function with one statement that has these members.
func policy(members string) string {
	return function("Policies: [{Version: x, Statement: [{" + members + "}]}]")
}

func read(t *testing.T, template string, service permissions.Service) (map[string][]permissions.Statement, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "template.yaml")
	if err := os.WriteFile(file, []byte(template), 0o600); err != nil {
		t.Fatal(err)
	}
	return permissions.Read(file, service)
}

const (
	allow   = "Effect: Allow, "
	table   = "Resource: !GetAtt Table.Arn, "
	sealing = "Resource: !GetAtt SealingKey.Arn, "
	onKey   = `Condition: {StringEquals: {"kms:EncryptionContext:wavepass:purpose": [REFRESH]}}`
	onTable = `Condition: {"ForAllValues:StringLike": {dynamodb:LeadingKeys: ["LOGIN#*"]}}`

	update = "Action: [dynamodb:UpdateItem], "
	keys   = `dynamodb:LeadingKeys: ["ACCOUNT#*", !If [Migrates, "LOGIN#*", !Ref AWS::NoValue]]`
	within = `"ForAnyValue:StringEquals": {dynamodb:EnclosingOperation: [TransactWriteItems]}`
)

func TestFencesOfWritesAreRead(t *testing.T) {
	fenced := policy(allow + table + update + `Condition: {"ForAllValues:StringLike": {` + keys + `, dynamodb:Attributes: [pk, sk, epoch]}, ` + within + `}`)
	want := permissions.Statement{
		Service: permissions.Table, Actions: []string{"UpdateItem"}, Keys: []string{"ACCOUNT#*"}, Pattern: true,
		Attributes: []string{"pk", "sk", "epoch"}, Transaction: true,
	}
	got, err := read(t, fenced, permissions.Table)
	if diff := cmp.Diff(map[string][]permissions.Statement{"f": {want}}, got, cmp.AllowUnexported(permissions.Service{})); err != nil || diff != "" {
		t.Errorf("error %v; (-want +got)\n%s", err, diff)
	}
	want.Keys = append(want.Keys, "LOGIN#*")
	file := filepath.Join(t.TempDir(), "template.yaml")
	if err := os.WriteFile(file, []byte(fenced), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err = permissions.ReadWith(file, map[string]string{"Before": "1"}, permissions.Table)
	if diff := cmp.Diff(map[string][]permissions.Statement{"f": {want}}, got, cmp.AllowUnexported(permissions.Service{})); err != nil || diff != "" {
		t.Errorf("while Migrates: error %v; (-want +got)\n%s", err, diff)
	}
	for name, condition := range map[string]string{
		"a fence alone":                 `{` + within + `}`,
		"attributes alone":              `{"ForAllValues:StringLike": {dynamodb:Attributes: [pk]}}`,
		"no attributes":                 `{"ForAllValues:StringLike": {` + keys + `, dynamodb:Attributes: []}}`,
		"attributes with a star":        `{"ForAllValues:StringLike": {` + keys + `, dynamodb:Attributes: ["p*"]}}`,
		"attributes but":                `{"ForAllValues:StringLike": {` + keys + `}, "ForAllValues:StringNotLike": {dynamodb:Attributes: [hash]}}`,
		"any of the attributes":         `{"ForAllValues:StringLike": {` + keys + `}, "ForAnyValue:StringLike": {dynamodb:Attributes: [pk]}}`,
		"another operation":             `{"ForAllValues:StringLike": {` + keys + `}, "ForAnyValue:StringEquals": {dynamodb:EnclosingOperation: [BatchWriteItem]}}`,
		"an operation or none":          `{"ForAllValues:StringLike": {` + keys + `}, StringEqualsIfExists: {dynamodb:EnclosingOperation: [TransactWriteItems]}}`,
		"all of the operations":         `{"ForAllValues:StringLike": {` + keys + `}, "ForAllValues:StringEquals": {dynamodb:EnclosingOperation: [TransactWriteItems]}}`,
		"a condition that is not there": `{"ForAllValues:StringLike": {dynamodb:LeadingKeys: ["ACCOUNT#*", !If [Other, "LOGIN#*", !Ref AWS::NoValue]]}}`,
		"a condition with two results":  `{"ForAllValues:StringLike": {dynamodb:LeadingKeys: ["ACCOUNT#*", !If [Migrates, "LOGIN#*", "*"]]}}`,
	} {
		if got, err := read(t, policy(allow+table+update+"Condition: "+condition), permissions.Table); err == nil {
			t.Errorf("%s: read %v, want an error", name, got)
		}
	}
	some := policy(allow + table + `Action: [dynamodb:DeleteItem], Condition: {"ForAllValues:StringLike": {dynamodb:LeadingKeys: ["ACCOUNT#*", "EMAIL#*"]}, "ForAnyValue:StringLike": {dynamodb:LeadingKeys: ["EMAIL#*"]}, ` + within + `}`)
	few, err := read(t, some, permissions.Table)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		keys string
		want bool
	}{{"EMAIL#1", true}, {"ACCOUNT#1", false}, {"ACCOUNT#1 EMAIL#1", true}, {"EMAIL#1 LOGIN#1", false}} {
		call := faultproxy.Call{Operation: "TransactWriteItems"}
		for key := range strings.FieldsSeq(tc.keys) {
			call.Accesses = append(call.Accesses, faultproxy.Access{Action: "DeleteItem", Key: key})
		}
		if got := permissions.Allow(few["f"], call); got != tc.want {
			t.Errorf("to delete %s where one key has to be of EMAIL: %t, want %t", tc.keys, got, tc.want)
		}
	}
	for _, action := range []string{"PutItem", "DeleteItem", "GetItem", "UpdateItem, dynamodb:PutItem"} {
		replaced := strings.Replace(fenced, "dynamodb:UpdateItem", "dynamodb:"+action, 1)
		if got, err := read(t, replaced, permissions.Table); err == nil {
			t.Errorf("attributes of %s: read %v, want an error: they fence in updates alone", action, got)
		}
	}
}

func TestEachServiceHasItsOwnStatements(t *testing.T) {
	template := function("Policies: [{Statement: [",
		"  {"+allow+table+"Action: [dynamodb:GetItem], "+onTable+"},",
		"  {"+allow+sealing+"Action: [kms:Decrypt], "+onKey+"}]}]")
	for name, test := range map[string]struct {
		service permissions.Service
		want    permissions.Statement
	}{
		"table":       {permissions.Table, permissions.Statement{Actions: []string{"GetItem"}, Keys: []string{"LOGIN#*"}, Pattern: true}},
		"sealing key": {permissions.SealingKey, permissions.Statement{Actions: []string{"Decrypt"}, Keys: []string{"REFRESH"}}},
	} {
		got, err := read(t, template, test.service)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		test.want.Service = test.service
		want := map[string][]permissions.Statement{"f": {test.want}}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(permissions.Service{})); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestFunctionWithoutPoliciesMayDoNothing(t *testing.T) {
	got, err := read(t, function("Handler: bootstrap"), permissions.SealingKey)
	if statements, ok := got["f"]; err != nil || !ok || len(statements) != 0 {
		t.Errorf("read %v, error %v; want a function f without statements", got, err)
	}
}

// The stream has keys and no items, so what may be read of it says nothing about items.
func TestStatementsAboutTheStreamAreNoneAboutItems(t *testing.T) {
	for _, resource := range []string{"!GetAtt Table.StreamArn", `!Sub "${Table.Arn}/stream/*"`} {
		got, err := read(t, policy(allow+"Resource: "+resource+", Action: [dynamodb:DescribeStream, dynamodb:GetRecords, dynamodb:GetShardIterator, dynamodb:ListStreams]"), permissions.Table)
		if err != nil || len(got["f"]) > 0 {
			t.Errorf("%s: %v, %v; want no statement", resource, got, err)
		}
		if got, err := read(t, policy(allow+"Resource: "+resource+", Action: [dynamodb:GetRecords, dynamodb:GetItem]"), permissions.Table); err == nil {
			t.Errorf("%s with an action on items: read %v, want an error", resource, got)
		}
	}
	for _, resource := range []string{`"*"`, "!GetAtt Table.Arn", "!GetAtt Other.StreamArn"} {
		if got, err := read(t, policy(allow+"Resource: "+resource+", Action: [dynamodb:GetRecords]"), permissions.Table); err == nil {
			t.Errorf("%s: read %v, want an error", resource, got)
		}
	}
}

func TestWhatIsNotUnderstoodIsRefused(t *testing.T) {
	const decrypt = "Action: [kms:Decrypt], "
	if _, err := read(t, policy(allow+sealing+decrypt+onKey), permissions.SealingKey); err != nil {
		t.Errorf("a statement as it should be: %v", err)
	}
	for name, template := range map[string]string{
		"no functions":              "Resources: {}",
		"no YAML":                   "Resources: [",
		"for every function":        "Globals: {Function: {Policies: [AdministratorAccess]}}\n" + function("Handler: x"),
		"a role":                    function("Role: !GetAtt Other.Arn"),
		"a managed policy":          function("Policies: [AWSKeyManagementServicePowerUser]"),
		"a policy template":         function("Policies: [{KMSDecryptPolicy: {KeyId: x}}]"),
		"no condition":              policy(allow + sealing + "Action: [kms:Decrypt]"),
		"another condition":         policy(allow + sealing + decrypt + `Condition: {StringEquals: {"kms:ViaService": [x]}}`),
		"two conditions":            policy(allow + sealing + decrypt + `Condition: {StringEquals: {"kms:EncryptionContext:wavepass:purpose": [REFRESH], "kms:ViaService": [x]}}`),
		"a negated condition":       policy(allow + sealing + decrypt + `Condition: {StringNotEquals: {"kms:EncryptionContext:wavepass:purpose": [REFRESH]}}`),
		"optional context":          policy(allow + sealing + decrypt + `Condition: {StringEqualsIfExists: {"kms:EncryptionContext:wavepass:purpose": [REFRESH]}}`),
		"no purposes":               policy(allow + sealing + decrypt + `Condition: {StringEquals: {"kms:EncryptionContext:wavepass:purpose": []}}`),
		"any purpose":               policy(allow + sealing + decrypt + `Condition: {StringLike: {"kms:EncryptionContext:wavepass:purpose": ["*"]}}`),
		"a star in the middle":      policy(allow + sealing + decrypt + `Condition: {StringLike: {"kms:EncryptionContext:wavepass:purpose": ["R*H"]}}`),
		"any key":                   policy(allow + `Resource: "*", ` + decrypt + onKey),
		"another resource":          policy(allow + "Resource: !Ref SealingKey, " + decrypt + onKey),
		"every action":              policy(allow + sealing + `Action: ["kms:*"], ` + onKey),
		"everything":                policy(allow + sealing + `Action: ["*"], ` + onKey),
		"every action but":          policy(allow + sealing + "NotAction: [kms:Decrypt], " + onKey),
		"of two services":           policy(allow + sealing + "Action: [kms:Decrypt, dynamodb:GetItem], " + onKey),
		"one that takes away":       policy("Effect: Deny, " + sealing + decrypt + onKey),
		"a name from elsewhere":     policy(allow + sealing + decrypt + `Condition: {StringEquals: {"kms:EncryptionContext:wavepass:purpose": [!ImportValue X]}}`),
		"statements from elsewhere": function("Policies: [{Statement: !FindInMap [a, b, c]}]"),
		"policies from elsewhere":   function("Policies: !FindInMap [a, b, c]"),
		"actions that are none":     policy(allow + sealing + "Action: {a: b}, " + onKey),
	} {
		if got, err := read(t, template, permissions.SealingKey); err == nil {
			t.Errorf("%s: read %v, want an error", name, got)
		}
	}
	if _, err := permissions.Read("missing.yaml", permissions.Table); err == nil {
		t.Error("a missing file was read")
	}
}
