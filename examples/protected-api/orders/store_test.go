package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestMemoryKeepsOrders(t *testing.T) { keepsOrders(t, &memory{}) }

// TestTableKeepsOrders needs DynamoDB Local: its address is $DYNAMODB_ENDPOINT.
func TestTableKeepsOrders(t *testing.T) {
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Skip("DYNAMODB_ENDPOINT is not set")
	}
	db := dynamodb.New(dynamodb.Options{
		BaseEndpoint: &endpoint, Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
	name := fmt.Sprintf("orders-%d", time.Now().UnixNano())
	_, err := db.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("owner"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("owner"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("id"), KeyType: types.KeyTypeRange},
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
	keepsOrders(t, table{db, name})
}

func keepsOrders(t *testing.T, s store) {
	ctx := t.Context()
	if got, err := s.list(ctx, "ada"); err != nil || got == nil || len(got) != 0 {
		t.Errorf("before the first order: %v, error %v; want an empty list", got, err)
	}
	var last order
	for n := range pageSize + 1 {
		last = order{"ada", fmt.Sprintf("%03d", n), "wax", n, n * 700}
		if err := s.add(ctx, last); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.add(ctx, last); err == nil {
		t.Error("an order with the id of another one was added")
	}
	got, err := s.list(ctx, "ada")
	if err != nil || len(got) != pageSize || got[0] != last || got[pageSize-1].ID != "001" {
		t.Errorf("list: %d orders %v, error %v; want the newest %d, newest first", len(got), got, err, pageSize)
	}
	if got, err := s.read(ctx, "ada", last.ID); err != nil || got != last {
		t.Errorf("read: %+v, error %v; want %+v", got, err, last)
	}
	for _, key := range [][2]string{{"alan", last.ID}, {"ada", "none"}} {
		if _, err := s.read(ctx, key[0], key[1]); !errors.Is(err, errNoOrder) {
			t.Errorf("read %v: error %v, want %v", key, err, errNoOrder)
		}
	}
	if got, err := s.list(ctx, "alan"); err != nil || len(got) != 0 {
		t.Errorf("the list of somebody else: %v, error %v; want none", got, err)
	}
}
