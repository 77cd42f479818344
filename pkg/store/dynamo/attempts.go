package dynamo

import (
	"cmp"
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/wavepass/wavepass/pkg/account"
)

// attemptsSlack keeps a bucket beyond its window, for writers whose clocks are behind.
const attemptsSlack = 5 * time.Minute

// count is a reserved word of DynamoDB's expressions.
var countName = map[string]string{"#count": "count"}

// Take implements account.Attempts.
func (s *Store) Take(ctx context.Context, b account.Bucket) (bool, error) {
	if b.Limit <= 0 {
		return false, nil // the condition would let the first one through
	}
	was, ok, err := s.count(ctx, b)
	forgotten := b.Now.Add(attemptsSlack).Unix()
	if r := (&reader{item: was}); err != nil || ok || !b.InRow() || r.number("expires_at") >= forgotten {
		return ok, cmp.Or(err, r.err)
	}
	_, _, err = s.update(ctx, "forget attempts", dynamodb.UpdateItemInput{
		Key:                       attemptsKey(b),
		ConditionExpression:       aws.String("expires_at < :forgotten"), // nobody else has begun anew
		UpdateExpression:          aws.String("SET #count = :zero"),
		ExpressionAttributeNames:  countName,
		ExpressionAttributeValues: item{":zero": number(0), ":forgotten": number(int(forgotten))},
	})
	if err != nil {
		return false, err
	}
	_, ok, err = s.count(ctx, b)
	return ok, err
}

// count adds one attempt to a bucket below its limit.
func (s *Store) count(ctx context.Context, b account.Bucket) (was item, ok bool, err error) {
	return s.update(ctx, "count attempt", dynamodb.UpdateItemInput{
		Key:                      attemptsKey(b),
		ConditionExpression:      aws.String("attribute_not_exists(#count) OR #count < :limit"),
		UpdateExpression:         aws.String("SET expires_at = :ttl ADD #count :one"),
		ExpressionAttributeNames: countName,
		ExpressionAttributeValues: item{
			":limit": number(b.Limit),
			":ttl":   seconds(b.Until.Add(attemptsSlack)),
			":one":   number(1),
		},
	})
}

// Refund implements account.Attempts.
func (s *Store) Refund(ctx context.Context, b account.Bucket) error {
	_, _, err := s.update(ctx, "refund attempt", dynamodb.UpdateItemInput{
		Key:                       attemptsKey(b),
		ConditionExpression:       aws.String("#count > :zero"),
		UpdateExpression:          aws.String("ADD #count :less"),
		ExpressionAttributeNames:  countName,
		ExpressionAttributeValues: item{":zero": number(0), ":less": number(-1)},
	})
	return err // a failed condition: there is nothing to give back
}

// Clear implements account.Attempts. It sets to zero rather than deletes, so that no function needs the
// right to delete items.
func (s *Store) Clear(ctx context.Context, b account.Bucket) error {
	_, _, err := s.update(ctx, "clear attempts", dynamodb.UpdateItemInput{
		Key:                       attemptsKey(b),
		ConditionExpression:       aws.String("attribute_exists(pk)"),
		UpdateExpression:          aws.String("SET #count = :zero"),
		ExpressionAttributeNames:  countName,
		ExpressionAttributeValues: item{":zero": number(0)},
	})
	return err // a failed condition: there is nothing to clear
}
