package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

func invitationKey(address string) item { return keyOfAddress("INVITATION", address) }

// Uninvite implements account.Uninviter.
func (s *Store) Uninvite(ctx context.Context, address string, at, until time.Time) error {
	it := invitationKey(address)
	it["at"], it[ttl] = seconds(at), seconds(until)
	_, err := s.put(ctx, "uninvite", dynamodb.PutItemInput{Item: it})
	return err
}

// UninvitedAt implements account.Invitations.
func (s *Store) UninvitedAt(ctx context.Context, address string) (time.Time, error) {
	got, err := s.get(ctx, "read invitation", invitationKey(address))
	if err != nil || len(got) == 0 {
		return time.Time{}, err
	}
	r := &reader{item: got}
	at := r.seconds("at")
	if r.err != nil {
		return time.Time{}, unavailable("read invitation", r.err)
	}
	return at, nil
}
