package seal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/wavepass/wavepass/internal/faultproxy"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/endpoint/mailer"
	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/internal/permissions"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// role is what a function may do with the sealing key (docs/design.md §8), and a job of it that needs all of that.
type role struct {
	seals, opens []keyring.Part
	job          func(*player)
}

var sealedParts = []keyring.Part{keyring.Signing, keyring.Refresh}

// linkParts are of functions that make or check links in mails.
var linkParts = []keyring.Part{keyring.Links}

// roles has every function of the template, by its folder.
var roles = map[string]role{
	"login": {sealedParts, sealedParts, func(p *player) { p.Login("app"); p.restart(); p.Login("app") }},
	"refresh": {sealedParts, sealedParts, func(p *player) {
		p.want(p.Do(deployment.Form("POST /refresh", "client_id=app&refresh_token=wprt_nobodys")), 400) // creates the keyring
		p.want(p.Do(deployment.Form("POST /refresh", "client_id=app&refresh_token="+p.Login("app").RefreshToken)), 200)
	}},
	"oauthtoken": {sealedParts, sealedParts, func(p *player) {
		const own = "grant_type=client_credentials&client_id=partner&client_secret=" + deployment.Secret
		p.want(p.Do(deployment.Form("POST /token", own)), 200) // creates the keyring
		p.restart()
		p.want(p.Do(deployment.Form("POST /token", own)), 200)
		p.want(p.Do(deployment.Form("POST /token", "grant_type=refresh_token&client_id=app&refresh_token="+p.Login("app").RefreshToken)), 200)
	}},
	"introspect": {nil, sealedParts, func(p *player) {
		p.want(p.Do(deployment.Form("POST /introspect", "client_id=partner&client_secret="+deployment.Secret+"&token="+p.Login("app").RefreshToken)), 200)
		signed := p.Raw(deployment.Form("POST /introspect", "client_id=partner&client_secret="+deployment.Secret+"&token=x").With("accept", "application/token-introspection+jwt"))
		p.want(deployment.Answer{APIGatewayV2HTTPResponse: signed}, 200)
	}},
	"revoke": {nil, []keyring.Part{keyring.Refresh}, func(p *player) {
		p.want(p.Do(deployment.Form("POST /revoke", "client_id=app&token="+p.Login("app").RefreshToken)), 200)
		p.want(p.Do(deployment.Form("POST /revoke", "client_id=app&token="+p.Login("app").AccessToken)), 200)
		p.want(p.Do(deployment.JSON("POST /logout", `{"client_id":"app","everywhere":true,"refresh_token":"`+p.Login("app").RefreshToken+`"}`)), 200)
	}},
	"rotatekeys": {sealedParts, sealedParts, func(p *player) {
		for range 2 { // creates the keyring, and rotates it
			if err := p.RotateKeys(p.t.Context(), events.EventBridgeEvent{}); err != nil {
				p.t.Errorf("rotate: %v", err)
			}
			p.Clock.Advance(keyring.DefaultPeriod)
		}
	}},
	"authorizer": {nil, nil, func(p *player) { p.want(p.asAda(deployment.Request{Route: "GET /userinfo"}), 200) }},
	"ticket":     {nil, nil, func(p *player) { p.want(p.asAda(deployment.JSON("POST /ticket", `{"api":"abc123"}`)), 200) }},
	"signin": {sealedParts, []keyring.Part{keyring.Refresh}, func(p *player) {
		for range 2 { // creates the keyring, and opens it
			if page := p.Visitor().SignIn(deployment.Authorization("app", "http://127.0.0.1/cb")); page.Status != 303 {
				p.t.Errorf("sign in: %d %s", page.Status, page.HTML)
			}
			p.restart()
		}
		p.comeBackFromProvider()
	}},
	"userinfo": {nil, nil, func(p *player) { p.want(p.asAda(deployment.Request{Route: "GET /userinfo"}), 200) }},
	"sessions": {nil, nil, func(p *player) {
		p.want(p.asAda(deployment.Request{Route: "GET /sessions"}), 200)
		p.want(p.asAda(deployment.Request{Route: "DELETE /sessions"}), 200)
	}},
	"subjects": {sealedParts, sealedParts, func(p *player) {
		service, err := p.Store.Client(p.t.Context(), "partner")
		service.Directory, service.Scopes, service.MayBegin, service.AMR = "shop", []string{oauth.ScopeSessions}, []string{"app"}, []string{"pwd"}
		if err = errors.Join(err, p.Store.PutClient(p.t.Context(), service)); err != nil {
			p.t.Fatal(err)
		}
		begin := deployment.JSON("POST /subjects/{subject}/sessions", `{"client_id":"app","amr":["pwd"]}`)
		begin.Path, begin.Caller = map[string]string{"subject": "u"}, map[string]any{"sub": "partner", "client_id": "partner", "scope": oauth.ScopeSessions}
		p.want(p.Do(begin), 200) // creates the keyring
		p.restart()
		p.want(p.Do(begin), 200)
	}},
	"password": {nil, sealedParts, func(p *player) {
		p.want(p.asAda(deployment.JSON("POST /password",
			`{"current_password":"`+deployment.Password+`","new_password":"another-canary-wave"}`)), 200)
	}},
	"accounts": {linkParts, linkParts, func(p *player) {
		for range 2 { // creates the key of links, and opens it
			p.want(p.Do(deployment.JSON("POST /signup/verify", `{"email":"new@example.com","code":"BCDFG-BCDFG","password":"another-canary-wave"}`)), 400)
			p.restart()
		}
	}},
	"mailer": {linkParts, linkParts, func(p *player) {
		for range 2 { // creates the key of links, and opens it
			letters := mailer.NewLetters(deployment.Settings(io.Discard, p.Clock.Now), p.Store, sealerAt(p.t, p.gate.URL, p.kms.key))
			order := mail.Order{Purpose: mail.SignUp, Address: "new@example.com", At: p.Clock.Now()}
			if letter, err := letters.Letter(p.t.Context(), order); err != nil || letter.Code == "" {
				p.t.Errorf("letter %+v, %v", letter, err)
			}
		}
	}},
	"discovery": {nil, nil, func(p *player) {
		p.Login("app")
		p.want(p.Do(deployment.Request{Route: "GET /.well-known/jwks.json"}), 200)
	}},
}

// player plays the role of one function of a deployment. Between it and KMS stands what its policy allows; the
// other functions may do everything.
type player struct {
	*deployment.Deployment
	t       *testing.T
	kms     localKMS
	name    string
	gate    *faultproxy.Proxy
	allowed []permissions.Statement
}

func newPlayer(t *testing.T, kms localKMS, name string, allowed []permissions.Statement) *player {
	p := &player{deployment.New(t, browser.Jar{}), t, kms, name, faultproxy.Start(t, kms.endpoint), allowed}
	p.gate.Inject(faultproxy.Rule{Fault: func(e *faultproxy.Exchange) {
		if !permissions.Allow(p.allowed, e.Call) {
			faultproxy.AccessDenied(e)
			return
		}
		e.Pass()
	}})
	p.restart()
	return p
}

// restart replaces every function by a cold one.
func (p *player) restart() {
	p.Restart(browser.Jar{}, func(function string) keyring.Sealer {
		endpoint := p.kms.endpoint
		if function == p.name {
			endpoint = p.gate.URL
		}
		return sealerAt(p.t, endpoint, p.kms.key)
	})
}

// comeBackFromProvider has somebody say no at an identity provider, whose client secret is opened before the answer is read.
func (p *player) comeBackFromProvider() {
	p.t.Helper()
	ctx := p.t.Context()
	var issuer string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":%q,"token_endpoint":%q,"jwks_uri":%q}`, issuer, issuer+"/a", issuer+"/t", issuer+"/k")
	}))
	p.t.Cleanup(server.Close)
	issuer = server.URL
	sealed, err := sealerAt(p.t, p.kms.endpoint, p.kms.key).Seal(ctx, federation.SecretPurpose, []byte("secret at the provider"))
	if err != nil {
		p.t.Fatal(err)
	}
	document, err := json.Marshal(federation.Provider{ID: "up", Name: "up", Issuer: issuer, ClientID: "us", SealedSecret: sealed, Scopes: []string{"openid"}})
	if err = errors.Join(err, p.Store.PutProvider(ctx, "up", federation.Record{Version: 1, Document: document})); err != nil {
		p.t.Fatal(err)
	}
	v := p.Visitor()
	to, err := url.Parse(v.Open("/authorize", deployment.Authorization("app", "http://127.0.0.1/cb", "provider", "up")).To())
	if err != nil {
		p.t.Fatal(err)
	}
	answer := url.Values{"state": {to.Query().Get("state")}, "error": {"access_denied"}}
	page := v.OpenAt("GET /callback/{provider}", map[string]string{"provider": "up"}, answer.Encode())
	if !strings.Contains(page.HTML, "The sign-in was cancelled") {
		p.t.Errorf("back from the provider: %d %s; the log:\n%s", page.Status, page.HTML, p.Log())
	}
}

// asAda is a request of somebody who has just logged in.
func (p *player) asAda(r deployment.Request) deployment.Answer {
	return p.As(p.Login("app").AccessToken, r)
}

func (p *player) want(got deployment.Answer, status int) {
	p.t.Helper()
	if got.StatusCode != status {
		p.t.Errorf("answered %d %s, want %d; the log:\n%s", got.StatusCode, got.Body, status, p.Log())
	}
}

func allParts() []keyring.Part { return slices.Concat(sealedParts, linkParts) }

// odd are purposes that there are not.
var odd = []keyring.Part{keyring.Public, "", "SIGNING ", "signing", "SIGNING,REFRESH"}

func policies(t *testing.T) map[string][]permissions.Statement {
	t.Helper()
	all, err := permissions.Read("../../template.yaml", permissions.SealingKey)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTemplateGivesEachFunctionItsPurposes(t *testing.T) {
	for name, allowed := range policies(t) {
		role, ok := roles[name]
		if !ok {
			t.Errorf("the template has the function %s: add its role", name)
		}
		for action, parts := range map[string][]keyring.Part{"GenerateDataKey": role.seals, "Decrypt": role.opens, "Encrypt": nil} {
			for _, purpose := range append(allParts(), odd...) {
				call := faultproxy.Call{Operation: action, Accesses: []faultproxy.Access{{Action: action, Key: string(purpose)}}}
				if got, want := permissions.Allow(allowed, call), slices.Contains(parts, purpose); got != want {
					t.Errorf("%s may %s for %q: %v, want %v", name, action, purpose, got, want)
				}
			}
		}
	}
}

// TestFunctionsMayUseTheSealingKeyAsFarAsTheyNeed has each function do its job with what template.yaml allows it,
// and then try everything else.
func TestFunctionsMayUseTheSealingKeyAsFarAsTheyNeed(t *testing.T) {
	policies := policies(t)
	kms := newLocalKMS(t)
	for name, role := range roles {
		t.Run(name, func(t *testing.T) {
			allowed, ok := policies[name]
			if !ok {
				t.Fatal("the template has no such function")
			}
			p := newPlayer(t, kms, name, allowed)
			role.job(p)
			for _, difference := range permissions.Differences(name, allowed, p.gate.Calls()) {
				t.Error(difference)
			}
			p.tryEverything(role)
		})
	}
}

// tryEverything seals and opens by the function's policy for every purpose.
func (p *player) tryEverything(r role) {
	free, bound := sealerAt(p.t, p.kms.endpoint, p.kms.key), sealerAt(p.t, p.gate.URL, p.kms.key)
	for _, purpose := range append(allParts(), odd...) {
		sealed, err := free.Seal(p.t.Context(), string(purpose), []byte("secret"))
		if err != nil {
			p.t.Fatal(err)
		}
		_, sealErr := bound.Seal(p.t.Context(), string(purpose), []byte("secret"))
		_, openErr := bound.Open(p.t.Context(), string(purpose), sealed)
		for what, got := range map[string]struct {
			err   error
			allow bool
		}{
			"seal": {sealErr, slices.Contains(r.seals, purpose)},
			"open": {openErr, slices.Contains(r.opens, purpose)},
		} {
			if (got.err == nil) != got.allow || got.err != nil && !errors.Is(got.err, oauth.ErrUnavailable) {
				p.t.Errorf("%s may %s %q: error %v; want it allowed: %v", p.name, what, purpose, got.err, got.allow)
			}
		}
	}
}
