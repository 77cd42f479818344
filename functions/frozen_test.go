//go:build unix

package functions_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/faultproxy"
	"github.com/wavepass/wavepass/pkg/client"
)

// Between events the process stands still, for as long as nobody calls: these tests let the bound of what it holds pass meanwhile.

func TestFrozenAuthorizerSeesAtItsFirstEventWhatWasRevokedMeanwhile(t *testing.T) {
	const staleness = time.Second
	w := newWorld(t, map[string]string{"REVOCATION_STALENESS": staleness.String()})
	tokens := w.start("login").login()
	authorizer := w.start("authorizer")
	authorizer.wantAllowed("before", tokens.AccessToken, true)
	w.start("revoke").want("revoke", formEvent("POST /revoke", "client_id=app&token="+tokens.RefreshToken), 200)
	time.Sleep(staleness)
	w.proxy.Forget()
	authorizer.wantAllowed("after the thaw", tokens.AccessToken, false)
	if calls := w.proxy.Calls(); len(calls) == 0 {
		t.Error("the log was not read")
	}
	if log := authorizer.Log(); !strings.Contains(log, "revoked") {
		t.Errorf("the log does not say why:\n%s", log)
	}

	// What it holds is too old now, and cannot be read: it is not used.
	time.Sleep(staleness)
	w.proxy.Inject(faultproxy.Rule{Operation: "Query", Fault: faultproxy.InternalError})
	other := w.start("login").login()
	authorizer.wantAllowed("the log cannot be read", other.AccessToken, false)
	w.proxy.Heal()
	authorizer.wantAllowed("it can be read again", other.AccessToken, true)
}

func TestFrozenAuthorizerRefusesATokenThatExpiredMeanwhile(t *testing.T) {
	const life = 2 * time.Second
	w := newWorld(t, map[string]string{"REVOCATION_STALENESS": "5m"})
	app := client.New("app", client.Native)
	app.AccessLife = life
	check(t, w.store.PutClient(t.Context(), app))
	tokens := w.start("login").login()
	issued := time.Now()
	authorizer := w.start("authorizer")
	authorizer.wantAllowed("before", tokens.AccessToken, true)
	time.Sleep(time.Until(issued.Add(life)))
	authorizer.wantAllowed("expired, and seen before", tokens.AccessToken, false)
}

func TestFrozenAuthorizerReadsKeysThatAreTooOldAgain(t *testing.T) {
	const age = time.Second
	w := newWorld(t, map[string]string{"KEY_CACHE_AGE": age.String(), "REVOCATION_STALENESS": "5m"})
	tokens := w.start("login").login()
	authorizer := w.start("authorizer")
	authorizer.wantAllowed("before", tokens.AccessToken, true)
	time.Sleep(age)
	w.proxy.Inject(faultproxy.Rule{Key: "KEYRING#", Fault: faultproxy.InternalError})
	authorizer.wantAllowed("its keys are too old, and cannot be read", tokens.AccessToken, false)
	w.proxy.Heal()
	w.proxy.Forget()
	authorizer.wantAllowed("they can be read again", tokens.AccessToken, true)
	if calls := w.proxy.Calls(); len(calls) != 1 || calls[0].Accesses[0].Key != "KEYRING#PUBLIC" {
		t.Errorf("it called %v, want one reading of the keys", calls)
	}
}

func TestFrozenLoginSignsWithNoKeyThatWasRevokedMeanwhile(t *testing.T) {
	const age = 5 * time.Second // those that sign hold their keys for a fifth of it
	w := newWorld(t, map[string]string{"KEY_CACHE_AGE": age.String(), "REVOCATION_STALENESS": "0s"})
	login := w.start("login")
	before := login.login().AccessToken
	if _, err := w.keys().Revoke(t.Context(), kidOf(t, before)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(age / 5)
	after := login.login().AccessToken
	if kidOf(t, after) == kidOf(t, before) {
		t.Errorf("both tokens are signed by the key %s", kidOf(t, after))
	}
	authorizer := w.start("authorizer")
	authorizer.wantAllowed("a token of the key of now", after, true)
	authorizer.wantAllowed("a token of the key that was revoked", before, false)
}

// kidOf is the id of the key that signed a token.
func kidOf(t *testing.T, token string) string {
	t.Helper()
	head, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	check(t, err)
	var header struct {
		KeyID string `json:"kid"`
	}
	check(t, json.Unmarshal(text, &header))
	return header.KeyID
}
