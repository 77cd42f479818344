package storetest

import (
	"slices"
	"testing"

	"github.com/wavepass/wavepass/pkg/policy"
)

var policyTests = []subtest{
	{"ComesBackAsItWasPut", policyRoundTrip},
	{"UnknownIsErrNone", policyUnknown},
	{"OnlyTheNextVersionIsStored", policyVersions},
	{"OneOfManyWritersWins", policyRace},
	{"ListHasEveryAPI", policyList},
}

func policyRoundTrip(t *testing.T, f fixture) {
	api := fresh(t, "api")
	for i, document := range [][]byte{[]byte(`{"unlisted":"deny","routes":[{"route":"GET /café"}]}`), nil, []byte(`{}`)} {
		want := policy.Record{Version: int64(i + 1), Document: document}
		wantErr(t, "store policy", f.PutPolicy(t.Context(), api, want), nil)
		got, err := f.Policy(t.Context(), api)
		wantErr(t, "read policy", err, nil)
		same(t, "policy", got, want)
		same(t, "removed", got.Removed(), document == nil)
	}
}

func policyUnknown(t *testing.T, f fixture) {
	for _, api := range []string{fresh(t, "api"), "", "a/b", "a b"} {
		_, err := f.Policy(t.Context(), api)
		wantErr(t, "read policy of "+api, err, policy.ErrNone)
	}
}

func policyVersions(t *testing.T, f fixture) {
	api := fresh(t, "api")
	first := policy.Record{Version: 1, Document: []byte("1")}
	wantErr(t, "a second version of nothing", f.PutPolicy(t.Context(), api, policy.Record{Version: 2}), policy.ErrConflict)
	wantErr(t, "the first", f.PutPolicy(t.Context(), api, first), nil)
	for _, version := range []int64{1, 3} {
		wantErr(t, "not the next", f.PutPolicy(t.Context(), api, policy.Record{Version: version}), policy.ErrConflict)
	}
	got, err := f.Policy(t.Context(), api)
	wantErr(t, "read policy", err, nil)
	same(t, "policy", got, first)
}

func policyRace(t *testing.T, f fixture) {
	api := fresh(t, "api")
	errs := parallel(8, func(int) error { return f.PutPolicy(t.Context(), api, policy.Record{Version: 1}) })
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			wantErr(t, "store policy", err, policy.ErrConflict)
		}
	}
	same(t, "winners", won, 1)
}

func policyList(t *testing.T, f fixture) {
	first, second := fresh(t, "api-a"), fresh(t, "api-b")
	for _, api := range []string{second, first} {
		wantErr(t, "store policy", f.PutPolicy(t.Context(), api, policy.Record{Version: 1}), nil)
	}
	all, err := f.Policies(t.Context())
	wantErr(t, "list policies", err, nil)
	if !slices.IsSorted(all) || !slices.Contains(all, first) || !slices.Contains(all, second) {
		t.Errorf("policies %v, want them in order, %s and %s among them", all, first, second)
	}
}
