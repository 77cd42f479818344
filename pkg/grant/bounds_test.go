package grant_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/claims"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/config"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/token"
)

var algorithms = []keyring.Algorithm{keyring.ES256, keyring.EdDSA, keyring.RS256}

// fullest is the client and the account that put the most into a token, roles apart, of those that may be registered.
func fullest(t *testing.T) (client.Client, account.Account) {
	t.Helper()
	c := client.New("c"+strings.Repeat("x", 63), client.Native)
	c.Audiences = []string{"a", "b", strings.Repeat("c", 158)}
	for i := range 7 {
		c.Scopes = append(c.Scopes, fmt.Sprintf("s%d%s", i, strings.Repeat("x", 62)))
	}
	c.Scopes = append(c.Scopes, strings.Repeat("y", 57))
	a := account.Account{ID: uuid.Max, Scopes: c.Scopes, Claims: claims.Set(`{"a":"` + strings.Repeat("x", claims.MaxSize-len(`{"a":""}`)) + `"}`)}
	if err := c.Check(); err != nil || len(strings.Join(c.Scopes, " ")) != 512 {
		t.Fatalf("scopes of %d bytes, %v", len(strings.Join(c.Scopes, " ")), err)
	}
	if err := account.CheckAccess(a.Access()); err != nil {
		t.Fatal(err)
	}
	return c, a
}

// Room for two more methods of login. Roles of as many bytes stand in for them.
const reserved = len(`"roles":[""],`) + len(`"hwk","otp",`)

func TestNothingButRolesCanOverflowAToken(t *testing.T) {
	w := newWorld(t)
	c, a := fullest(t)
	a.Username, w.clients[c.ID] = "ada", c
	w.store.SetAccount(a, cheapHash)
	at := grant.Place{Issuer: "https://" + strings.Repeat("i", config.MaxName-len("https://")), Audience: strings.Repeat("a", config.MaxName)}
	issued, err := w.login.Grant(t.Context(), grant.LoginRequest{At: at, Client: c, Username: "ada", Password: oauth.NewSecret(password)})
	if err != nil {
		t.Fatal(err)
	}
	said, err := w.verify.Verify(t.Context(), issued.Tokens.AccessToken, token.Expect{Issuer: at.Issuer, Audience: at.Audience})
	if err != nil || said.RolesOmitted || len(said.Custom) != claims.MaxSize || len(said.Audience) != 4 || len(said.Scope) != oauth.MaxScope+len(" account") {
		t.Fatalf("the fullest token: %v, %d audiences, scopes of %d bytes", err, len(said.Audience), len(said.Scope))
	}
	said.Roles = []string{strings.Repeat("r", reserved-len(`"roles":[""],`))}
	for _, alg := range algorithms {
		if !token.Fits(alg, said) {
			t.Errorf("%s: the fullest token has no room for %d bytes more", alg, reserved)
		}
		if !grant.RolesFit(alg, a, c) {
			t.Errorf("%s: the fullest token overflows without any role", alg)
		}
	}
}

// An external id is in every token of its account, so beside everything else that is longest a token may exceed MaxIssued.
func TestLongestExternalIDIsStillRead(t *testing.T) {
	c, a := fullest(t)
	subject, err := account.NewSubject(strings.Repeat("d", 64), strings.Repeat("🌊", 128))
	if err != nil {
		t.Fatal(err)
	}
	a.Username, a.Subject, a.Roles = "ada", subject, []string{"editor"}
	methods := []string{"1" + strings.Repeat("m", 15), "2" + strings.Repeat("m", 15), "3" + strings.Repeat("m", 15), "4" + strings.Repeat("m", 15)}
	service := client.New(subject.Directory, client.Service)
	service.Directory, service.AMR, service.SecretHash = subject.Directory, methods, client.HashSecret(oauth.NewSecret(password))
	service.Scopes = []string{oauth.ScopeSessions}
	if err := service.Check(); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.clients[c.ID] = c
	w.store.SetAccount(a, cheapHash)
	at := grant.Place{Issuer: "https://" + strings.Repeat("i", config.MaxName-len("https://")), Audience: strings.Repeat("a", config.MaxName)}
	issued, err := w.login.Grant(t.Context(), grant.LoginRequest{At: at, Client: c, Username: "ada", Password: oauth.NewSecret(password)})
	if err != nil {
		t.Fatal(err)
	}
	said, err := w.verify.Verify(t.Context(), issued.Tokens.AccessToken, token.Expect{Issuer: at.Issuer, Audience: at.Audience})
	if err != nil || said.ExternalID != subject.String() || !said.RolesOmitted {
		t.Fatalf("the longest token: %v, an external id of %d bytes, roles omitted: %t", err, len(said.ExternalID), said.RolesOmitted)
	}
	said.Login.AMR, said.Login.Epoch = methods, start.Unix()
	for _, alg := range algorithms {
		key, err := keyring.New(keyring.Config{Store: fakestore.New(w.clock.Now), Sealer: w.sealer, Algorithm: alg, Now: w.clock.Now}).SigningKeys().Current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		text, _ := token.Sign(key, said)
		if n := len(text.Reveal()); n <= token.MaxIssued || n > token.MaxRead {
			t.Errorf("%s: the longest token has %d bytes, want more than %d, as ADR 0067 says, and at most %d", alg, n, token.MaxIssued, token.MaxRead)
		}
	}
}

func TestRolesFitSaysWhatIssuingDoes(t *testing.T) {
	w := newWorld(t)
	native := w.clients["native"]
	for n := 1; n <= 30; n++ {
		w.ada.Roles = append(w.ada.Roles, fmt.Sprintf("role-%02d-%s", n, strings.Repeat("x", 50)))
		w.store.SetAccount(w.ada, "")
		omitted, fit := w.claims(w.mustLogin()).RolesOmitted, grant.RolesFit(keyring.ES256, w.ada, native)
		if omitted && fit { // the test's issuer is shorter than the one that is reckoned with, so the converse may be
			t.Errorf("%d roles are said to fit, and were left out", n)
		}
		if n == 5 && !fit || n == 30 && (fit || !omitted) {
			t.Errorf("%d roles: said to fit: %t, left out: %t", n, fit, omitted)
		}
	}
	lookup := native
	lookup.Roles = client.RolesLookup
	if !grant.RolesFit(keyring.RS256, w.ada, lookup) || !grant.RolesFit(keyring.RS256, w.ada, w.clients["service"]) {
		t.Error("roles overflow where no token carries them")
	}
}
