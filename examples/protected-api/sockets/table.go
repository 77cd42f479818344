package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// table keeps connections in DynamoDB, by their ids; the index BySession finds those of a session.
type table struct {
	db   *dynamodb.Client
	name string
}

func (t table) note(ctx context.Context, c connection) error {
	item, err := attributevalue.MarshalMap(c)
	if err != nil {
		return err
	}
	_, err = t.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &t.name, Item: item})
	return err
}

func (t table) find(ctx context.Context, id string) (c connection, err error) {
	out, err := t.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.name, Key: key(id), ConsistentRead: aws.Bool(true)})
	switch {
	case err != nil:
		return connection{}, err
	case out.Item == nil:
		return connection{}, errNoConnection
	}
	err = attributevalue.UnmarshalMap(out.Item, &c)
	return c, err
}

func (t table) forget(ctx context.Context, id string) error {
	_, err := t.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &t.name, Key: key(id)})
	return err
}

func (t table) ofSession(ctx context.Context, session string) (ids []string, err error) {
	pages := dynamodb.NewQueryPaginator(t.db, &dynamodb.QueryInput{
		TableName: &t.name, IndexName: aws.String("BySession"), KeyConditionExpression: aws.String("sid = :sid"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":sid": &types.AttributeValueMemberS{Value: session}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return ids, err
		}
		var found []connection
		if err := attributevalue.UnmarshalListOfMaps(page.Items, &found); err != nil {
			return ids, err
		}
		for _, c := range found {
			ids = append(ids, c.ID)
		}
	}
	return ids, nil
}

func key(id string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: id}}
}
