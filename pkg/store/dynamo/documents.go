package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// document is a record that is replaced as a whole, version by version: a policy, a provider or a resource.
type document struct {
	Version  int64
	Document []byte // empty: it was removed
}

// readDocument returns the document at a key, or none where there is no item.
func (s *Store) readDocument(ctx context.Context, op string, at item, none error) (d document, err error) {
	got, err := s.get(ctx, op, at)
	switch {
	case err != nil:
		return d, err
	case len(got) == 0:
		return d, none
	}
	r := &reader{item: got}
	d.Version = int64(r.number("version"))
	if r.has("document") {
		d.Document = []byte(r.text("document"))
	}
	if r.err != nil {
		return document{}, unavailable(op, r.err)
	}
	return d, nil
}

// putDocument stores the version that follows the one in the table, or returns conflict.
func (s *Store) putDocument(ctx context.Context, op string, at item, d document, conflict error) error {
	it := at
	it["version"] = number(d.Version)
	if len(d.Document) > 0 {
		it["document"] = text(string(d.Document))
	}
	in := dynamodb.PutItemInput{Item: it, ConditionExpression: aws.String("attribute_not_exists(pk)")}
	if d.Version > 1 {
		in.ConditionExpression = aws.String("version = :before")
		in.ExpressionAttributeValues = item{":before": number(d.Version - 1)}
	}
	ok, err := s.put(ctx, op, in)
	if err == nil && !ok {
		err = conflict
	}
	return err
}

// listDocuments returns the names in a partition of documents, in their order.
func (s *Store) listDocuments(ctx context.Context, op, partition string) (names []string, err error) {
	namesOnly := dynamodb.QueryInput{ProjectionExpression: aws.String(sortKey)}
	err = s.eachOf(ctx, op, namesOnly, text(partition), func(it item) error {
		r := &reader{item: it}
		names = append(names, r.text(sortKey))
		if r.err != nil {
			return unavailable(op, r.err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return names, nil
}
