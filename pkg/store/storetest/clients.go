package storetest

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/session"
)

var clientTests = []subtest{
	{"EveryFieldComesBack", clientRoundTrip},
	{"UnknownIsErrUnknown", clientUnknown},
	{"ListHasEveryClientByID", clientList},
	{"PutReplacesTheWholeAndMayBeRepeated", clientReplace},
	{"ReplaceWantsTheRevisionThatWasRead", clientRevisions},
	{"ReplaceMayBeRepeatedAfterALostAnswer", clientReplaceAgain},
	{"OfManyParallelReplacesOneWins", clientReplaceParallel},
	{"IDsNeverCollideWithOtherItems", clientIDs},
	{"ValuesAreCopies", clientCopies},
}

// newClient returns a definition with every field set, also those that no one kind has together.
func newClient(t *testing.T) client.Client {
	t.Helper()
	return client.Client{
		ID:          fresh(t, "c"),
		Kind:        client.Service,
		Origins:     []string{"https://a.example", "https://b.example:8443"},
		Redirects:   []string{"https://a.example/back?x=1#y"},
		Audiences:   []string{"https://api.example"},
		Scopes:      []string{"openid", "orders:read"},
		Roles:       client.RolesLookup,
		AccessLife:  5*time.Minute + 250*time.Millisecond,
		IdleLife:    time.Hour,
		Absolute:    24 * time.Hour,
		Remembered:  400 * 24 * time.Hour,
		LateRetries: 5,
		SharedStore: true,
		FirstParty:  true,
		SecretHash:  bytes.Repeat([]byte{0x00, 0xff}, 16),
		Introspects: []string{"web", "app"},

		PostLogoutRedirects: []string{"https://a.example/bye"},
		Consent:             true,
		Directory:           "partners",
		MayBegin:            []string{"web", "app"},
		MayGrant:            []string{"role:editor", "scope:orders:read", "claim:plan"},
		AMR:                 []string{"pwd", "otp"},
		JWKS:                `{"keys":[]}`,
		Since:               time.Unix(1_782_900_000, 0).UTC(),
		Revision:            41,
	}
}

// wantClient reads the client and compares.
func (f fixture) wantClient(t *testing.T, what string, want client.Client) {
	t.Helper()
	got, err := f.Client(t.Context(), want.ID)
	wantErr(t, what+": read client", err, nil)
	same(t, what+": client", got, want)
}

func clientRoundTrip(t *testing.T, f fixture) {
	full := newClient(t)
	for name, c := range map[string]client.Client{
		"every field set": full,
		"only an id":      {ID: fresh(t, "c")},
		"third party":     {ID: fresh(t, "c"), Kind: client.Native, FirstParty: false, SharedStore: false, Consent: true},
		"a tombstone":     {ID: fresh(t, "c"), Kind: client.Removed, Since: time.Unix(1_782_900_000, 0).UTC(), Revision: 7, FirstParty: true},
		"empty lists": {
			ID: fresh(t, "c"), Kind: client.Browser, Origins: []string{}, Redirects: []string{}, Audiences: []string{},
			PostLogoutRedirects: []string{}, Scopes: []string{}, SecretHash: []byte{}, Introspects: []string{},
			MayBegin: []string{}, MayGrant: []string{}, AMR: []string{},
		},
		"of a document": {
			ID: "https://" + fresh(t, "c") + ".example/client.json", Kind: client.Native, Redirects: []string{"http://127.0.0.1/cb"}, Revision: 2,
			Document: client.Document{Name: "Ägent", Fetched: time.Unix(1_782_900_000, 0).UTC(), FreshUntil: time.Unix(1_782_900_300, 0).UTC(), KeptUntil: time.Unix(1_982_900_000, 0).UTC()},
		},
		"native with defaults": client.New(fresh(t, "c"), client.Native),
		"site with defaults":   client.New(fresh(t, "c"), client.Site),
	} {
		wantErr(t, name+": put", f.PutClient(t.Context(), c), nil)
		f.wantClient(t, name, c)
	}
}

func clientList(t *testing.T, f fixture) {
	want := map[string]client.Client{}
	for range 3 {
		c := newClient(t)
		wantErr(t, "put", f.PutClient(t.Context(), c), nil)
		want[c.ID] = c
	}
	wantErr(t, "create account", f.CreateAccount(t.Context(), newAccount(t), hash), nil)
	list, err := f.Clients(t.Context())
	wantErr(t, "list", err, nil)
	for i, c := range list {
		if i > 0 && list[i-1].ID >= c.ID {
			t.Errorf("%s comes after %s", c.ID, list[i-1].ID)
		}
		if wanted, ok := want[c.ID]; ok { // a table may hold those of other tests too
			same(t, "listed", c, wanted)
			delete(want, c.ID)
		}
	}
	if len(want) > 0 {
		t.Errorf("the list of %d lacks %v", len(list), want)
	}
}

func clientUnknown(t *testing.T, f fixture) {
	c := newClient(t)
	wantErr(t, "put", f.PutClient(t.Context(), c), nil)
	for _, id := range []string{fresh(t, "c"), c.ID + "x", c.ID[:len(c.ID)-1]} {
		_, err := f.Client(t.Context(), id)
		wantErr(t, id, err, client.ErrUnknown)
	}
}

func clientReplace(t *testing.T, f fixture) {
	c := newClient(t)
	other := newClient(t)
	replacement := client.New(c.ID, client.Native)
	wantErr(t, "put another", f.PutClient(t.Context(), other), nil)
	wantErr(t, "put", f.PutClient(t.Context(), c), nil)
	for range 2 { // the second is the retry after a lost reply
		wantErr(t, "put the replacement", f.PutClient(t.Context(), replacement), nil)
		f.wantClient(t, "replaced", replacement)
	}
	f.wantClient(t, "another client", other)
}

// changed is a client as its next change leaves it.
func changed(c client.Client, scope string) client.Client {
	c.Scopes = []string{scope}
	c.Revision++
	return c
}

func clientRevisions(t *testing.T, f fixture) {
	c := newClient(t)
	c.Revision = 0
	first, second := changed(c, "first"), changed(changed(c, ""), "second")
	wantErr(t, "of a client that is not there, by a revision", f.ReplaceClient(t.Context(), 1, second), client.ErrChanged)
	wantErr(t, "still not there", errorOf(f.Client(t.Context(), c.ID)), client.ErrUnknown)
	wantErr(t, "of a client that is not there", f.ReplaceClient(t.Context(), 0, first), nil)
	f.wantClient(t, "added", first)
	wantErr(t, "once more as if it were not there", f.ReplaceClient(t.Context(), 0, changed(c, "other")), client.ErrChanged)
	f.wantClient(t, "added by somebody else", first)
	wantErr(t, "by its revision", f.ReplaceClient(t.Context(), 1, second), nil)
	f.wantClient(t, "replaced", second)
	for _, old := range []int64{0, 1, 3} {
		wantErr(t, "by another revision", f.ReplaceClient(t.Context(), old, changed(first, "other")), client.ErrChanged)
	}
	f.wantClient(t, "after other revisions", second)

	older := newClient(t) // a record as it was before there were revisions
	older.Revision = 0
	wantErr(t, "put", f.PutClient(t.Context(), older), nil)
	wantErr(t, "of an older record", f.ReplaceClient(t.Context(), 0, changed(older, "new")), nil)
	f.wantClient(t, "an older record", changed(older, "new"))
}

func errorOf(_ client.Client, err error) error { return err }

func clientReplaceAgain(t *testing.T, f fixture) {
	c := newClient(t)
	wantErr(t, "put", f.PutClient(t.Context(), c), nil)
	for range 3 {
		wantErr(t, "replace", f.ReplaceClient(t.Context(), c.Revision, changed(c, "new")), nil)
	}
	f.wantClient(t, "repeated", changed(c, "new"))
	wantErr(t, "with another definition", f.ReplaceClient(t.Context(), c.Revision, changed(c, "other")), client.ErrChanged)
	for name, change := range map[string]func(*client.Client){
		"another since":  func(c *client.Client) { c.Since = c.Since.Add(time.Second) },
		"another secret": func(c *client.Client) { c.SecretHash = bytes.Repeat([]byte{7}, 32) },
		"another kind":   func(c *client.Client) { c.Kind = client.Native },
	} {
		other := changed(c, "new")
		change(&other)
		wantErr(t, name, f.ReplaceClient(t.Context(), c.Revision, other), client.ErrChanged)
	}
	f.wantClient(t, "after all", changed(c, "new"))
}

func clientReplaceParallel(t *testing.T, f fixture) {
	c := newClient(t)
	wantErr(t, "put", f.PutClient(t.Context(), c), nil)
	won := 0
	for i, err := range parallel(10, func(i int) error {
		return f.ReplaceClient(t.Context(), c.Revision, changed(c, fmt.Sprint("scope-", i)))
	}) {
		if err == nil {
			won++
		} else {
			wantErr(t, fmt.Sprint("caller ", i), err, client.ErrChanged)
		}
	}
	if won != 1 {
		t.Errorf("%d of 10 have replaced the same revision, want 1", won)
	}
}

// clientIDs registers clients that are called like a username, an account and parts of keys.
func clientIDs(t *testing.T, f fixture) {
	a := newAccount(t)
	a.Username = fresh(t, "u")
	wantErr(t, "create account", f.CreateAccount(t.Context(), a, hash), nil)
	s := f.storedSession(t, func(s *session.Session) { s.AccountID = a.ID })
	var clients []client.Client
	for _, id := range []string{a.Username, a.ID.String(), s.ID.String(), fresh(t, "client"), fresh(t, "keyring")} {
		c := newClient(t)
		c.ID = id
		wantErr(t, "put "+id, f.PutClient(t.Context(), c), nil)
		clients = append(clients, c)
	}
	for _, c := range clients {
		f.wantClient(t, c.ID, c)
	}
	f.wantAccount(t, "account called like a client", a, hash)
	f.wantSession(t, "session called like a client", s)
}

func clientCopies(t *testing.T, f fixture) {
	want := newClient(t)
	given := want
	lists := func(c *client.Client) []*[]string {
		return []*[]string{&c.Origins, &c.Redirects, &c.PostLogoutRedirects, &c.Audiences, &c.Scopes, &c.Introspects, &c.MayBegin, &c.MayGrant, &c.AMR}
	}
	for _, list := range lists(&given) {
		*list = append([]string(nil), *list...)
	}
	given.SecretHash = bytes.Clone(want.SecretHash)
	spoil := func(c client.Client) {
		c.SecretHash[0] ^= 0xff
		for _, list := range lists(&c) {
			(*list)[0] = "spoiled"
		}
	}
	wantErr(t, "put", f.PutClient(t.Context(), given), nil)
	spoil(given)
	f.wantClient(t, "after changing what was passed in", want)
	read, err := f.Client(t.Context(), want.ID)
	wantErr(t, "read", err, nil)
	spoil(read)
	f.wantClient(t, "after changing what was handed out", want)
}
