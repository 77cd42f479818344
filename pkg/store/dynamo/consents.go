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
	c, err := decodeConsent(got, account)
	if err == nil && c.Given.IsZero() {
		return consent.Consent{}, consent.ErrNotFound
	}
	return c, err
}

// PutConsent implements consent.Store.
func (s *Store) PutConsent(ctx context.Context, c consent.Consent) error {
	it := consentKey(c.AccountID, c.ClientID)
	if !c.Given.IsZero() {
		it["given"], it["scopes"] = seconds(c.Given), texts(c.Scopes)
	}
	_, err := s.put(ctx, "store consent", dynamodb.PutItemInput{Item: it})
	return err
}

// Consents implements consent.Store.
func (s *Store) Consents(ctx context.Context, account uuid.UUID) (all []consent.Consent, err error) {
	err = s.eachOf(ctx, "list consents", dynamodb.QueryInput{}, text(consentPartition(account)), func(it item) error {
		c, err := decodeConsent(it, account)
		if err == nil && !c.Given.IsZero() {
			all = append(all, c)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// decodeConsent returns a consent without Given where it was taken back.
func decodeConsent(it item, account uuid.UUID) (consent.Consent, error) {
	r := &reader{item: it}
	c := consent.Consent{AccountID: account, ClientID: r.text(sortKey)}
	if r.has("given") { // without, it was taken back
		c.Given, c.Scopes = r.seconds("given"), r.texts("scopes")
	}
	if r.err != nil {
		return consent.Consent{}, unavailable("read consent", r.err)
	}
	return c, nil
}
