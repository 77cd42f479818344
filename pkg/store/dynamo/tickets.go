package dynamo

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/wavepass/wavepass/pkg/ticket"
)

func ticketKey(name ticket.Name) item { return key("TICKET#"+hex.EncodeToString(name[:]), "TICKET") }

// PutTicket implements ticket.Keeper.
func (s *Store) PutTicket(ctx context.Context, name ticket.Name, r ticket.Record) error {
	it := ticketKey(name)
	it["api"], it["claims"], it["kid"] = text(r.API), text(string(r.Claims)), text(r.KeyID)
	it["until"], it[ttl] = milliseconds(r.Until), seconds(r.Until)
	_, err := s.put(ctx, "store ticket", dynamodb.PutItemInput{Item: it})
	return err
}

// TakeTicket implements ticket.Taker. When the answer was lost and the SDK asks again, the item is gone, so the ticket is refused:
// it opens nothing twice.
func (s *Store) TakeTicket(ctx context.Context, name ticket.Name, api string) (ticket.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, s.callTime)
	defer cancel()
	var found item
	err := retryConflicts(ctx, func() error {
		out, err := s.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &s.table, Key: ticketKey(name), ReturnValues: types.ReturnValueAllOld,
			ConditionExpression:       aws.String("api = :api AND #until > :now"),
			ExpressionAttributeNames:  map[string]string{"#until": "until"},
			ExpressionAttributeValues: item{":api": text(api), ":now": milliseconds(s.now())},
		})
		if err == nil {
			found = out.Attributes
		}
		return err
	})
	var failed *types.ConditionalCheckFailedException
	switch {
	case errors.As(err, &failed):
		return ticket.Record{}, ticket.ErrUnknown
	case err != nil:
		return ticket.Record{}, unavailable("take ticket", err)
	}
	r := &reader{item: found}
	record := ticket.Record{API: r.text("api"), Until: r.milliseconds("until"), Claims: []byte(r.text("claims")), KeyID: r.text("kid")}
	if r.err != nil {
		return ticket.Record{}, unavailable("take ticket", r.err)
	}
	return record, nil
}
