package dynamo

import (
	"context"
	"encoding/hex"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/wavepass/wavepass/pkg/authorization"
)

func pushedKey(name authorization.PushedName) item {
	return key("PAR#"+hex.EncodeToString(name[:]), "PAR")
}

// PutPushed implements authorization.PushedKeeper.
func (s *Store) PutPushed(ctx context.Context, name authorization.PushedName, p authorization.Pushed) error {
	it := pushedKey(name)
	it["sealed"], it["until"], it[ttl] = bytesOf(p.Sealed), milliseconds(p.Until), seconds(p.Until)
	_, err := s.put(ctx, "store pushed request", dynamodb.PutItemInput{Item: it})
	return err
}

// Pushed implements authorization.PushedReader.
func (s *Store) Pushed(ctx context.Context, name authorization.PushedName) (authorization.Pushed, error) {
	got, err := s.get(ctx, "read pushed request", pushedKey(name))
	switch {
	case err != nil:
		return authorization.Pushed{}, err
	case len(got) == 0:
		return authorization.Pushed{}, authorization.ErrNotPushed
	}
	r := &reader{item: got}
	p := authorization.Pushed{Sealed: r.bytes("sealed"), Until: r.milliseconds("until")}
	switch {
	case r.err != nil:
		return authorization.Pushed{}, unavailable("read pushed request", r.err)
	case !s.now().Before(p.Until):
		return authorization.Pushed{}, authorization.ErrNotPushed
	}
	return p, nil
}
