package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/consent"
)

func consentPartition(account uuid.UUID) string { return "CONSENT#" + account.String() }

func consentKey(account uuid.UUID, clientID string) item {
	return key(consentPartition(account), clientID)
}

// Consent implements consent.Store.
func (s *Store) Consent(ctx context.Context, account uuid.UUID, clientID string) (consent.Consent, error) {
	if clientID == "" {
		return consent.Consent{}, consent.ErrNotFound
	}
	got, err := s.get(ctx, "read consent", consentKey(account, clientID))
	switch {
	case err != nil:
		return consent.Consent{}, err
	case len(got) == 0:
		return consent.Consent{}, consent.ErrNotFound
	}
	return decodeConsent(got, account)
}

// PutConsent implements consent.Store.
func (s *Store) PutConsent(ctx context.Context, c consent.Consent) error {
	it := consentKey(c.AccountID, c.ClientID)
	if c.Given.IsZero() {
		_, err := s.conditional(ctx, "take back consent", func(ctx context.Context) error {
			_, err := s.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.table, Key: it})
			return err
		})
		return err
	}
	it["given"], it["scopes"] = seconds(c.Given), texts(c.Scopes)
	_, err := s.put(ctx, "store consent", dynamodb.PutItemInput{Item: it})
	return err
}

// Consents implements consent.Store.
func (s *Store) Consents(ctx context.Context, account uuid.UUID) (all []consent.Consent, err error) {
	err = s.eachOf(ctx, "list consents", dynamodb.QueryInput{}, text(consentPartition(account)), func(it item) error {
		c, err := decodeConsent(it, account)
		all = append(all, c)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func decodeConsent(it item, account uuid.UUID) (consent.Consent, error) {
	r := &reader{item: it}
	c := consent.Consent{AccountID: account, ClientID: r.text(sortKey), Given: r.seconds("given"), Scopes: r.texts("scopes")}
	if r.err != nil {
		return consent.Consent{}, unavailable("read consent", r.err)
	}
	return c, nil
}
