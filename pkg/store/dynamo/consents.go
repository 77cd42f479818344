package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
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

// PutConsent implements consent.Store. What is stored already passes the condition, so the SDK may repeat the write after a lost answer.
func (s *Store) PutConsent(ctx context.Context, before, c consent.Consent) error {
	it := consentKey(c.AccountID, c.ClientID)
	it["given"], it["scopes"] = seconds(c.Given), texts(c.Scopes)
	values := item{":given": it["given"], ":scopes": it["scopes"]}
	condition := "given = :given AND scopes = :scopes OR attribute_not_exists(pk)"
	if !before.Given.IsZero() {
		condition = "given = :given AND scopes = :scopes OR given = :before AND scopes = :allowed"
		values[":before"], values[":allowed"] = seconds(before.Given), texts(before.Scopes)
	}
	ok, err := s.put(ctx, "store consent", dynamodb.PutItemInput{
		Item: it, ConditionExpression: aws.String(condition), ExpressionAttributeValues: values,
	})
	if err == nil && !ok {
		err = consent.ErrChanged
	}
	return err
}

// TakeBackConsent implements consent.Store.
func (s *Store) TakeBackConsent(ctx context.Context, account uuid.UUID, clientID string) error {
	_, err := s.conditional(ctx, "take back consent", func(ctx context.Context) error {
		_, err := s.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.table, Key: consentKey(account, clientID)})
		return err
	})
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
