package dynamo

import (
	"context"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/session"
)

// Accounts implements account.Lister.
func (s *Store) Accounts(ctx context.Context) iter.Seq2[account.Account, error] {
	return func(yield func(account.Account, error) bool) {
		in := dynamodb.ScanInput{
			FilterExpression:          aws.String("begins_with(pk, :prefix)"),
			ExpressionAttributeValues: item{":prefix": text(accountPrefix)},
		}
		for it, err := range s.scan(ctx, "list accounts", in) {
			var found account.Account
			if err == nil {
				found, err = decodeAccount(it, idAfter(it, accountPrefix))
			}
			if !yield(found, err) || err != nil {
				return
			}
		}
	}
}

// FindSession implements session.Finder.
func (s *Store) FindSession(ctx context.Context, id uuid.UUID) (session.Session, error) {
	in := dynamodb.ScanInput{
		FilterExpression:          aws.String("begins_with(pk, :prefix) AND sk = :id"),
		ExpressionAttributeValues: item{":prefix": text(sessionsPrefix), ":id": text(id.String())},
	}
	for it, err := range s.scan(ctx, "find session", in) {
		if err != nil {
			return session.Session{}, err
		}
		return decodeSession(it, idAfter(it, sessionsPrefix), id)
	}
	return session.Session{}, session.ErrNotFound
}

// scan yields the items of the whole table that pass the filter, a bounded call for each page.
func (s *Store) scan(ctx context.Context, op string, in dynamodb.ScanInput) iter.Seq2[item, error] {
	in.TableName, in.ConsistentRead = &s.table, aws.Bool(true)
	return func(yield func(item, error) bool) {
		for {
			page, err := s.scanPage(ctx, in)
			if err != nil {
				yield(nil, unavailable(op, err))
				return
			}
			for _, it := range page.Items {
				if !yield(it, nil) {
					return
				}
			}
			if in.ExclusiveStartKey = page.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
				return
			}
		}
	}
}

func (s *Store) scanPage(ctx context.Context, in dynamodb.ScanInput) (*dynamodb.ScanOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, s.callTime)
	defer cancel()
	return s.api.Scan(ctx, &in)
}

// idAfter is the id in the partition key of an item, after the prefix; the zero id when there is none.
func idAfter(it item, prefix string) uuid.UUID {
	r := &reader{item: it}
	id, _ := uuid.Parse(strings.TrimPrefix(r.text(partitionKey), prefix))
	return id
}
