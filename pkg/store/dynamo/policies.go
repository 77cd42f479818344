package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/wavepass/wavepass/pkg/policy"
)

const policyPartition = "POLICY"

func policyKey(api string) item { return key(policyPartition, api) }

// Policy implements policy.Reader.
func (s *Store) Policy(ctx context.Context, api string) (policy.Record, error) {
	if !policy.ValidAPI(api) {
		return policy.Record{}, policy.ErrNone
	}
	got, err := s.get(ctx, "read policy", policyKey(api))
	switch {
	case err != nil:
		return policy.Record{}, err
	case len(got) == 0:
		return policy.Record{}, policy.ErrNone
	}
	r := &reader{item: got}
	record := policy.Record{Version: int64(r.number("version"))}
	if r.has("document") {
		record.Document = []byte(r.text("document"))
	}
	if r.err != nil {
		return policy.Record{}, unavailable("read policy", r.err)
	}
	return record, nil
}

// PutPolicy implements policy.Store.
func (s *Store) PutPolicy(ctx context.Context, api string, r policy.Record) error {
	it := policyKey(api)
	it["version"] = number(r.Version)
	if !r.Removed() {
		it["document"] = text(string(r.Document))
	}
	in := dynamodb.PutItemInput{Item: it, ConditionExpression: aws.String("attribute_not_exists(pk)")}
	if r.Version > 1 {
		in.ConditionExpression = aws.String("version = :before")
		in.ExpressionAttributeValues = item{":before": number(r.Version - 1)}
	}
	ok, err := s.put(ctx, "store policy", in)
	if err == nil && !ok {
		err = policy.ErrConflict
	}
	return err
}

// Policies implements policy.Store.
func (s *Store) Policies(ctx context.Context) (apis []string, err error) {
	namesOnly := dynamodb.QueryInput{ProjectionExpression: aws.String(sortKey)}
	err = s.eachOf(ctx, "list policies", namesOnly, text(policyPartition), func(it item) error {
		r := &reader{item: it}
		apis = append(apis, r.text(sortKey))
		if r.err != nil {
			return unavailable("list policies", r.err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return apis, nil
}
