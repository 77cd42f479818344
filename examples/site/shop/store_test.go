package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestFileKeepsBaskets(t *testing.T) { keepsBaskets(t, newFile(t)) }

// TestTableKeepsBaskets needs DynamoDB Local: its address is $DYNAMODB_ENDPOINT.
func TestTableKeepsBaskets(t *testing.T) {
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Skip("DYNAMODB_ENDPOINT is not set")
	}
	db := dynamodb.New(dynamodb.Options{
		BaseEndpoint: &endpoint, Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
	name := fmt.Sprintf("baskets-%d", time.Now().UnixNano())
	_, err := db.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("sid"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("item"), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("sid"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("item"), KeyType: types.KeyTypeRange},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
			t.Error(err)
		}
	})
	keepsBaskets(t, table{db, name})
}

func keepsBaskets(t *testing.T, b baskets) {
	ctx, now := t.Context(), time.Now()
	const one, other = "0190b0e4-7e00-7000-8000-000000000001", "0190b0e4-7e00-7000-8000-000000000002"
	want := func(what, sid string, counts map[string]int) {
		t.Helper()
		if got, err := b.counts(ctx, sid); err != nil || !maps.Equal(got, counts) {
			t.Errorf("%s: %v, error %v; want %v", what, got, err, counts)
		}
	}
	want("nothing yet", one, nil)
	for range maxOfOne {
		if err := b.add(ctx, one, "wax", now); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.add(ctx, one, "wax", now); !errors.Is(err, errFull) {
		t.Errorf("one more: %v, want errFull", err)
	}
	if err := b.add(ctx, one, "board", now); err != nil {
		t.Error(err)
	}
	want("two things", one, map[string]int{"wax": maxOfOne, "board": 1})
	want("another session", other, nil)
	for range 2 {
		if err := b.remove(ctx, one, "wax"); err != nil {
			t.Error(err)
		}
	}
	want("without one", one, map[string]int{"board": 1})
}
