package dynamo_test

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// The table deletes items days after they have expired (docs/design.md §5). These tests write such items past the store.

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// TestExpiredSessionIsDeadOnEveryPath sets one of the two expiries of a session back, under a token that says
// nothing about it.
func TestExpiredSessionIsDeadOnEveryPath(t *testing.T) {
	w := newWorld(t, engine(t), newTable(t, engine(t)))
	for _, expiry := range []string{"idle_expiry", "expiry"} {
		for name, test := range map[string]struct {
			send    func(oldest, before, newest string) request
			status  int
			changes bool // handing in a dead session's token may end it once more
		}{
			"refresh":               {func(_, _, newest string) request { return refreshRequest(newest) }, 400, false},
			"refresh, retried":      {func(_, before, _ string) request { return refreshRequest(before) }, 400, false},
			"refresh, an old token": {func(oldest, _, _ string) request { return refreshRequest(oldest) }, 400, false},
			"logout everywhere":     {func(_, _, newest string) request { return logoutRequest(newest, true) }, 400, false},
			"logout":                {func(_, _, newest string) request { return logoutRequest(newest, false) }, 200, true},
			"revoke":                {func(_, _, newest string) request { return revokeRequest(newest) }, 200, true},
		} {
			oldest := w.login()
			before := w.refresh(oldest.RefreshToken)
			newest := w.refresh(before.RefreshToken)
			pk, sk := "SESSIONS#"+w.person.ID.String(), newest.claims(t).SessionID
			item := w.item(pk, sk)
			item[expiry], item["expires_at"] = number(w.Now().Unix()), number(w.Now().Unix())
			w.put(item)
			owner := w.item("ACCOUNT#"+w.person.ID.String(), "ACCOUNT")

			sent := test.send(oldest.RefreshToken, before.RefreshToken, newest.RefreshToken)
			w.events()
			got := w.must(sent, test.status)
			if got.AccessToken != "" || strings.Contains(w.events(), audit.ReuseDetected) {
				t.Errorf("%s reached, %s: answered %s, or with the event %s", expiry, name, got.body, audit.ReuseDetected)
			}
			if diff := diffItems(item, w.item(pk, sk)); diff != "" && !test.changes {
				t.Errorf("%s reached, %s: the session was changed (-before +after)\n%s", expiry, name, diff)
			}
			if diff := diffItems(owner, w.item("ACCOUNT#"+w.person.ID.String(), "ACCOUNT")); diff != "" {
				t.Errorf("%s reached, %s: the account was changed (-before +after)\n%s", expiry, name, diff)
			}
			if err := w.expect("afterwards", refreshRequest(newest.RefreshToken), 400); err != nil {
				t.Errorf("%s reached, %s: %v", expiry, name, err)
			}
		}
	}
}

func diffItems(before, after map[string]types.AttributeValue) string {
	return cmp.Diff(before, after, cmpopts.IgnoreUnexported(
		types.AttributeValueMemberS{}, types.AttributeValueMemberN{}, types.AttributeValueMemberL{}, types.AttributeValueMemberBOOL{}))
}

// TestExpiredRevocationDeniesNothing writes entries that name living tokens: one that has just expired, and one
// that is about to.
func TestExpiredRevocationDeniesNothing(t *testing.T) {
	const life = oauth.MaxAccessLife + 30*time.Second + time.Minute // docs/design.md §7
	w := newWorld(t, engine(t), newTable(t, engine(t)))
	for age, status := range map[time.Duration]int{life + time.Second: 200, life - time.Minute: 403} {
		for _, kind := range []string{"jti", "sid", "account", "client"} {
			tokens := w.login()
			claims := tokens.claims(t)
			id := map[string]string{"jti": claims.ID, "sid": claims.SessionID, "account": w.person.ID.String(), "client": clientID}[kind]
			at := w.Now().Add(-age)
			sk := fmt.Sprintf("%013d#%s#%s", at.UnixMilli(), kind, id)
			item := itemKey("REVOCATION#0", sk)
			maps.Copy(item, map[string]types.AttributeValue{
				"at": number(at.UnixMilli()), "kind": text(kind), "id": text(id), "min_epoch": number(1 << 40),
				"expires_at": number(at.Add(life).Unix() + 1),
			})
			w.put(item)
			w.restart() // a cold authorizer reads the whole log
			if err := w.expect("a token of which an entry is", authorizeRequest(tokens.AccessToken), status); err != nil {
				t.Errorf("entry of kind %s, %s old of %s: %v", kind, age, life, err)
			}
			w.remove(itemKey("REVOCATION#0", sk)) // out of the way of the next one
		}
	}
}

// TestExpiredAttemptsCountNothing fills both buckets in their window; when that is over they are still there.
func TestExpiredAttemptsCountNothing(t *testing.T) {
	for _, bucket := range []string{"account", "network"} {
		w := newWorld(t, engine(t), newTable(t, engine(t)))
		w.limits = account.DefaultLimits
		w.restart()
		window := account.DefaultLimits.Account.Window
		w.pass(w.Now().Truncate(window).Add(window).Sub(w.Now())) // to its beginning
		w.proxy.Forget()
		w.login()
		var pk string
		for _, c := range w.proxy.Calls() {
			if key := c.Accesses[0].Key; kindOf(key) == "ATTEMPTS#"+bucket+"#" {
				pk = key
			}
		}
		item := w.item(pk, "ATTEMPTS")
		item["count"] = number(1000)
		w.put(item)
		if err := w.expect("a full bucket", w.loginRequest(), 429); err != nil {
			t.Errorf("%s: %v", bucket, err)
		}
		w.pass(window)
		if err := w.expect("the window after it", w.loginRequest(), 200); err != nil {
			t.Errorf("%s: %v", bucket, err)
		}
		if diff := diffItems(item, w.item(pk, "ATTEMPTS")); diff != "" {
			t.Errorf("%s: the expired bucket was changed (-before +after)\n%s", bucket, diff)
		}
	}
}
