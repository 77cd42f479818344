package storetest

import (
	"context"
	"slices"
	"testing"

	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/resource"
)

// documents are records that are replaced as a whole, version by version.
type documents struct {
	get            func(ctx context.Context, name string) (version int64, document []byte, err error)
	put            func(ctx context.Context, name string, version int64, document []byte) error
	list           func(ctx context.Context) ([]string, error)
	none, conflict error
}

func policies(f fixture) documents {
	return documents{
		get: func(ctx context.Context, api string) (int64, []byte, error) {
			r, err := f.Policy(ctx, api)
			return r.Version, r.Document, err
		},
		put: func(ctx context.Context, api string, version int64, document []byte) error {
			return f.PutPolicy(ctx, api, policy.Record{Version: version, Document: document})
		},
		list: f.Policies, none: policy.ErrNone, conflict: policy.ErrConflict,
	}
}

func providers(f fixture) documents {
	return documents{
		get: func(ctx context.Context, id string) (int64, []byte, error) {
			r, err := f.Provider(ctx, id)
			return r.Version, r.Document, err
		},
		put: func(ctx context.Context, id string, version int64, document []byte) error {
			return f.PutProvider(ctx, id, federation.Record{Version: version, Document: document})
		},
		list: f.Providers, none: federation.ErrUnknown, conflict: federation.ErrConflict,
	}
}

func resources(f fixture) documents {
	return documents{
		get: func(ctx context.Context, key string) (int64, []byte, error) {
			r, err := f.Resource(ctx, key)
			return r.Version, r.Document, err
		},
		put: func(ctx context.Context, key string, version int64, document []byte) error {
			return f.PutResource(ctx, key, resource.Record{Version: version, Document: document})
		},
		list: f.Resources, none: resource.ErrUnknown, conflict: resource.ErrConflict,
	}
}

// documentTests are those of one kind of documents.
func documentTests(of func(fixture) documents) []subtest {
	on := func(test func(*testing.T, documents)) func(*testing.T, fixture) {
		return func(t *testing.T, f fixture) { test(t, of(f)) }
	}
	return []subtest{
		{"ComesBackAsItWasPut", on(documentRoundTrip)},
		{"UnknownIsNone", on(documentUnknown)},
		{"OnlyTheNextVersionIsStored", on(documentVersions)},
		{"OneOfManyWritersWins", on(documentRace)},
		{"ListHasEveryName", on(documentList)},
	}
}

// freshName is a name that policies and providers can have.
func freshName(t *testing.T, prefix string) string {
	name := fresh(t, prefix)
	return prefix + "-" + name[max(0, len(name)-20):]
}

func documentRoundTrip(t *testing.T, d documents) {
	name := freshName(t, "a")
	for i, want := range [][]byte{[]byte(`{"name":"Café","list":["GET /café"]}`), nil, []byte(`{}`)} {
		wantErr(t, "store", d.put(t.Context(), name, int64(i+1), want), nil)
		version, got, err := d.get(t.Context(), name)
		wantErr(t, "read", err, nil)
		same(t, "version", version, int64(i+1))
		same(t, "document", string(got), string(want))
	}
}

func documentUnknown(t *testing.T, d documents) {
	for _, name := range []string{freshName(t, "a"), "", "a/b", "a b"} {
		_, _, err := d.get(t.Context(), name)
		wantErr(t, "read "+name, err, d.none)
	}
}

func documentVersions(t *testing.T, d documents) {
	name := freshName(t, "a")
	wantErr(t, "a second version of nothing", d.put(t.Context(), name, 2, nil), d.conflict)
	wantErr(t, "the first", d.put(t.Context(), name, 1, []byte("1")), nil)
	for _, version := range []int64{1, 3} {
		wantErr(t, "not the next", d.put(t.Context(), name, version, nil), d.conflict)
	}
	version, got, err := d.get(t.Context(), name)
	wantErr(t, "read", err, nil)
	same(t, "version", version, int64(1))
	same(t, "document", string(got), "1")
}

func documentRace(t *testing.T, d documents) {
	name := freshName(t, "a")
	errs := parallel(8, func(int) error { return d.put(t.Context(), name, 1, nil) })
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			wantErr(t, "store", err, d.conflict)
		}
	}
	same(t, "winners", won, 1)
}

func documentList(t *testing.T, d documents) {
	first, second := freshName(t, "a"), freshName(t, "b")
	for _, name := range []string{second, first} {
		wantErr(t, "store", d.put(t.Context(), name, 1, nil), nil)
	}
	all, err := d.list(t.Context())
	wantErr(t, "list", err, nil)
	if !slices.IsSorted(all) || !slices.Contains(all, first) || !slices.Contains(all, second) {
		t.Errorf("list %v, want it in order, with %s and %s", all, first, second)
	}
}
