package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// openStore opens the table $TABLE_NAME, and without one a store in memory.
func openStore(ctx context.Context) (store, error) {
	name := os.Getenv("TABLE_NAME")
	if name == "" {
		return &memory{}, nil
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("configuration of AWS: %w", err)
	}
	return table{dynamodb.NewFromConfig(cfg), name}, nil
}

// table keeps orders in DynamoDB: the owner is the partition, and the id sorts them.
type table struct {
	db   *dynamodb.Client
	name string
}

func (t table) list(ctx context.Context, owner string) ([]order, error) {
	out, err := t.db.Query(ctx, &dynamodb.QueryInput{
		TableName:                 &t.name,
		KeyConditionExpression:    aws.String("#owner = :owner"), // owner is a word of DynamoDB's
		ExpressionAttributeNames:  map[string]string{"#owner": "owner"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":owner": text(owner)},
		ScanIndexForward:          aws.Bool(false),
		Limit:                     aws.Int32(pageSize),
	})
	if err != nil {
		return nil, err
	}
	found := []order{}
	err = attributevalue.UnmarshalListOfMaps(out.Items, &found)
	return found, err
}

func (t table) read(ctx context.Context, owner, id string) (o order, err error) {
	out, err := t.db.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &t.name,
		Key:       map[string]types.AttributeValue{"owner": text(owner), "id": text(id)},
	})
	switch {
	case err != nil:
		return order{}, err
	case out.Item == nil:
		return order{}, errNoOrder
	}
	err = attributevalue.UnmarshalMap(out.Item, &o)
	return o, err
}

func (t table) add(ctx context.Context, o order) error {
	item, err := attributevalue.MarshalMap(o)
	if err != nil {
		return err
	}
	_, err = t.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &t.name, Item: item, ConditionExpression: aws.String("attribute_not_exists(id)"),
	})
	return err
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
