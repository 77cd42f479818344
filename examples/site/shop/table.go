package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// table keeps baskets in DynamoDB: the session is the partition, and each item a line of it. Lines end by TTL.
type table struct {
	db   *dynamodb.Client
	name string
}

func openTable(ctx context.Context, name string) (baskets, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("configuration of AWS: %w", err)
	}
	return table{dynamodb.NewFromConfig(cfg), name}, nil
}

type tableLine struct {
	Item  string `dynamodbav:"item"`
	Count int    `dynamodbav:"count"`
}

func (t table) counts(ctx context.Context, sid string) (map[string]int, error) {
	out, err := t.db.Query(ctx, &dynamodb.QueryInput{
		TableName:                 &t.name,
		KeyConditionExpression:    aws.String("sid = :sid"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":sid": text(sid)},
		ConsistentRead:            aws.Bool(true), // people see what they have just added
	})
	if err != nil {
		return nil, err
	}
	var lines []tableLine
	if err := attributevalue.UnmarshalListOfMaps(out.Items, &lines); err != nil {
		return nil, err
	}
	found := map[string]int{}
	for _, l := range lines {
		found[l.Item] = l.Count
	}
	return found, nil
}

func (t table) add(ctx context.Context, sid, item string, now time.Time) error {
	_, err := t.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                &t.name,
		Key:                      lineKey(sid, item),
		UpdateExpression:         aws.String("ADD #count :one SET expires_at = :end"),
		ConditionExpression:      aws.String("attribute_not_exists(#count) OR #count < :most"),
		ExpressionAttributeNames: map[string]string{"#count": "count"}, // a word of DynamoDB's
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":one": number(1), ":most": number(maxOfOne), ":end": number(now.Add(basketLife).Unix()),
		},
	})
	var full *types.ConditionalCheckFailedException
	if errors.As(err, &full) {
		return errFull
	}
	return err
}

func (t table) remove(ctx context.Context, sid, item string) error {
	_, err := t.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &t.name, Key: lineKey(sid, item)})
	return err
}

func lineKey(sid, item string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"sid": text(sid), "item": text(item)}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}
