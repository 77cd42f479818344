package tabletemplate_test

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/wavepass/wavepass/internal/tabletemplate"
)

const template = "../../template.yaml"

func TestTemplateDefinesTheTableOfTheStore(t *testing.T) {
	d, err := tabletemplate.Read(template)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Keys) != 2 || d.Keys[0].Name != "pk" || d.Keys[0].Type != "HASH" ||
		d.Keys[1].Name != "sk" || d.Keys[1].Type != "RANGE" {
		t.Errorf("keys %+v, want pk HASH, sk RANGE", d.Keys)
	}
	if d.BillingMode != "PAY_PER_REQUEST" {
		t.Errorf("billing mode %q, want PAY_PER_REQUEST", d.BillingMode)
	}
	if d.TimeToLive != "expires_at" {
		t.Errorf("time to live %q, want expires_at", d.TimeToLive)
	}
}

func TestCreateOnTheEngineTwice(t *testing.T) {
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Skip("DYNAMODB_ENDPOINT is not set: start DynamoDB Local and set it")
	}
	d, err := tabletemplate.Read(template)
	if err != nil {
		t.Fatal(err)
	}
	api, err := tabletemplate.Local(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	name := "wavepass-test-" + rand.Text()
	t.Cleanup(func() { _, _ = api.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name}) })
	for range 2 {
		if err := tabletemplate.Create(t.Context(), api, name, d); err != nil {
			t.Fatal(err)
		}
	}
	_, err = api.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &name, Item: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "p"}, "sk": &types.AttributeValueMemberS{Value: "s"},
	}})
	if err != nil {
		t.Errorf("put an item: %v", err)
	}
	ttl, err := api.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: aws.String(name)})
	if err != nil || ttl.TimeToLiveDescription.TimeToLiveStatus == types.TimeToLiveStatusEnabled {
		t.Errorf("time to live %+v, %v: want it off", ttl, err)
	}
}

func TestOtherTemplatesAreRefused(t *testing.T) {
	for says, text := range map[string]string{
		"0 tables":      "Resources: {Api: {Type: AWS::Serverless::HttpApi}}",
		"2 tables":      "Resources: {A: {Type: 'AWS::DynamoDB::Table', Properties: {}}, B: {Type: 'AWS::DynamoDB::Table', Properties: {}}}",
		"KeyType":       "Resources: {A: {Type: 'AWS::DynamoDB::Table', Properties: {AttributeDefinitions: [{AttributeName: a, AttributeType: S}], KeySchema: x}}}",
		"depends on":    "Resources: {A: {Type: 'AWS::DynamoDB::Table', Properties: {BillingMode: !Ref X, KeySchema: []}}}",
		"template.yaml": "Resources: [",
	} {
		file := filepath.Join(t.TempDir(), "template.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := tabletemplate.Read(file); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v, want one that contains %q", text, err, says)
		}
	}
	if _, err := tabletemplate.Read("missing.yaml"); err == nil {
		t.Error("a missing file was read")
	}
}

func TestOnlyEnginesOnThisMachineAreAsked(t *testing.T) {
	for _, endpoint := range []string{"http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000"} {
		if _, err := tabletemplate.Local(endpoint); err != nil {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
	for _, endpoint := range []string{
		"", "127.0.0.1:8000", "https://dynamodb.eu-central-1.amazonaws.com", "http://10.0.0.1:8000",
		"http://localhost.example.com", "http://127.0.0.1.example.com:8000",
	} {
		if _, err := tabletemplate.Local(endpoint); err == nil {
			t.Errorf("%q was accepted", endpoint)
		}
	}
}
