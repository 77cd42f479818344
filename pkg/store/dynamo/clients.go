package dynamo

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/wavepass/wavepass/pkg/client"
)

// maxSortKey is DynamoDB's limit, in bytes.
const maxSortKey = 1024

// Client implements client.Store.
func (s *Store) Client(ctx context.Context, id string) (client.Client, error) {
	if id == "" || len(id) > maxSortKey {
		return client.Client{}, client.ErrUnknown // no item can have such a key
	}
	got, err := s.get(ctx, "read client", clientKey(id))
	switch {
	case err != nil:
		return client.Client{}, err
	case len(got) == 0:
		return client.Client{}, client.ErrUnknown
	}
	return decodeClient(id, got)
}

// Clients implements client.Lister.
func (s *Store) Clients(ctx context.Context) (all []client.Client, err error) {
	for _, partition := range []string{"CLIENT", "CLIENT#DOCUMENT"} {
		err = s.eachOf(ctx, "list clients", dynamodb.QueryInput{}, text(partition), func(it item) error {
			c, err := decodeClient((&reader{item: it}).text(sortKey), it)
			all = append(all, c)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	// Ids that are addresses stand among the others.
	slices.SortFunc(all, func(a, b client.Client) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

func decodeClient(id string, it item) (client.Client, error) {
	r := &reader{item: it}
	c := client.Client{
		ID:          id,
		Kind:        client.Kind(r.text("kind")),
		Origins:     r.texts("origins"),
		Redirects:   r.texts("redirects"),
		Audiences:   r.texts("audiences"),
		Scopes:      r.texts("scopes"),
		Roles:       client.RolesMode(r.text("roles")),
		AccessLife:  r.duration("access_life"),
		IdleLife:    r.duration("idle_life"),
		Absolute:    r.duration("absolute_life"),
		Remembered:  r.duration("remembered_life"),
		LateRetries: int(r.number("late_retries")),
		SharedStore: r.has("shared_store") && r.truth("shared_store"),
		FirstParty:  !r.has("third_party") || !r.truth("third_party"),
		Introspects: r.texts("introspects"),

		PostLogoutRedirects: r.texts("post_logout_redirects"),
		Consent:             r.has("consent") && r.truth("consent"),
	}
	if r.has("directory") {
		c.Directory = r.text("directory")
	}
	c.MayBegin, c.MayGrant, c.AMR = r.texts("may_begin"), r.texts("may_grant"), r.texts("amr")
	if r.has("jwks") {
		c.JWKS = r.text("jwks")
	}
	if r.has("since") {
		c.Since = r.seconds("since")
	}
	if r.has("revision") {
		c.Revision = r.number("revision")
	}
	if r.has("secret_hash") {
		c.SecretHash = r.bytes("secret_hash")
	}
	if r.has("fetched") {
		c.Document = client.Document{Fetched: r.seconds("fetched"), FreshUntil: r.seconds("fresh_until"), KeptUntil: r.seconds(ttl)}
	}
	if r.has("client_name") {
		c.Document.Name = r.text("client_name")
	}
	if r.err != nil {
		return client.Client{}, unavailable("read client", r.err)
	}
	return c, nil
}

// PutClient implements client.Registrar.
func (s *Store) PutClient(ctx context.Context, c client.Client) error {
	_, err := s.put(ctx, "store client", dynamodb.PutItemInput{Item: encodeClient(c)})
	return err
}

// ReplaceClient implements client.Registrar.
func (s *Store) ReplaceClient(ctx context.Context, read int64, c client.Client) error {
	in := dynamodb.PutItemInput{
		Item: encodeClient(c), ConditionExpression: aws.String("revision = :read"),
		ExpressionAttributeValues: item{":read": number(read)},
	}
	if read == 0 {
		in.ConditionExpression, in.ExpressionAttributeValues = aws.String("attribute_not_exists(revision)"), nil
	}
	stored, err := s.put(ctx, "replace client", in)
	if err != nil || stored {
		return err
	}
	// The condition fails too when this very write was made before and its answer was lost.
	switch found, err := s.Client(ctx, c.ID); {
	case errors.Is(err, client.ErrUnknown):
		return client.ErrChanged
	case err != nil:
		return err
	case !found.Equal(c):
		return client.ErrChanged
	}
	return nil
}

func encodeClient(c client.Client) item {
	it := clientKey(c.ID)
	it["kind"] = text(string(c.Kind))
	it["origins"] = texts(c.Origins)
	it["redirects"] = texts(c.Redirects)
	it["audiences"] = texts(c.Audiences)
	it["scopes"] = texts(c.Scopes)
	it["roles"] = text(string(c.Roles))
	// Lifetimes are kept in milliseconds: nobody configures less.
	it["access_life"] = number(c.AccessLife.Milliseconds())
	it["idle_life"] = number(c.IdleLife.Milliseconds())
	it["absolute_life"] = number(c.Absolute.Milliseconds())
	it["remembered_life"] = number(c.Remembered.Milliseconds())
	it["late_retries"] = number(c.LateRetries)
	it["introspects"] = texts(c.Introspects)
	// Items that are older than the attributes from here on lack them, as items whose value is the default do.
	for name, value := range map[string]bool{"shared_store": c.SharedStore, "third_party": !c.FirstParty, "consent": c.Consent} {
		if value {
			it[name] = truth(true)
		}
	}
	for name, list := range map[string][]string{
		"post_logout_redirects": c.PostLogoutRedirects, "may_begin": c.MayBegin, "may_grant": c.MayGrant, "amr": c.AMR,
	} {
		if len(list) > 0 {
			it[name] = texts(list)
		}
	}
	if c.Directory != "" {
		it["directory"] = text(c.Directory)
	}
	if c.JWKS != "" {
		it["jwks"] = text(c.JWKS)
	}
	if !c.Since.IsZero() {
		it["since"] = seconds(c.Since)
	}
	if c.Revision > 0 {
		it["revision"] = number(c.Revision)
	}
	if len(c.SecretHash) > 0 {
		it["secret_hash"] = bytesOf(c.SecretHash)
	}
	if c.IsFetched() {
		it["fetched"], it["fresh_until"] = seconds(c.Document.Fetched), seconds(c.Document.FreshUntil)
		it[ttl] = seconds(c.Document.KeptUntil)
	}
	if c.Document.Name != "" {
		it["client_name"] = text(c.Document.Name)
	}
	return it
}

func (r *reader) duration(name string) time.Duration {
	return time.Duration(r.number(name)) * time.Millisecond
}
