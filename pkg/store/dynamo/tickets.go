package dynamo

import (
	"context"
	"encoding/hex"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

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

// TakeTicket implements ticket.Taker. The item stays until its TTL is over, so that the SDK may ask again after a lost answer.
func (s *Store) TakeTicket(ctx context.Context, name ticket.Name, api, call string) (ticket.Record, error) {
	got, ok, err := s.update(ctx, "take ticket", dynamodb.UpdateItemInput{
		Key:                       ticketKey(name),
		UpdateExpression:          aws.String("SET #call = :call"),
		ConditionExpression:       aws.String("api = :api AND #until > :now AND (attribute_not_exists(#call) OR #call = :call)"),
		ExpressionAttributeNames:  map[string]string{"#until": "until", "#call": "call"},
		ExpressionAttributeValues: item{":api": text(api), ":now": milliseconds(s.now()), ":call": text(call)},
	})
	switch {
	case err != nil:
		return ticket.Record{}, err
	case !ok:
		return ticket.Record{}, ticket.ErrUnknown
	}
	r := &reader{item: got}
	record := ticket.Record{API: r.text("api"), Until: r.milliseconds("until"), Claims: []byte(r.text("claims")), KeyID: r.text("kid")}
	if r.err != nil {
		return ticket.Record{}, unavailable("take ticket", r.err)
	}
	return record, nil
}
