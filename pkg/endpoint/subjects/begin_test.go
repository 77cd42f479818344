package subjects_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/keyring"
)

func TestFirstSessionMakesAnAccount(t *testing.T) {
	w := newWorld(t)
	got := w.begin("user-1", `{"client_id":"app","amr":["pwd","otp"],"device_name":"Ada's phone","roles":["editor"],"scopes":["profile"],"claims":{"plan":"gold"}}`)
	a := w.account("shop", "user-1")
	if a == nil || a.Username != "" || a.ID.Version() != 7 {
		t.Fatalf("account %+v, want one without a login name", a)
	}
	claims := w.claims(got.AccessToken)
	want := map[string]any{
		"sub": a.ID.String(), "client_id": "app", "amr": []any{"pwd", "otp"}, "roles": []any{"editor"}, "scope": "profile",
		"claims": map[string]any{"plan": "gold"}, "auth_time": float64(deployment.Start.Unix()),
	}
	for name := range claims {
		if _, asked := want[name]; !asked {
			delete(claims, name)
		}
	}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Errorf("claims (-want +got)\n%s", diff)
	}
	w.Want("refresh", w.refresh(got.RefreshToken), 200, "")
	w.Want("userinfo", w.As(got.AccessToken, deployment.Request{Route: "GET /userinfo"}), 200, "")

	again := w.begin("user-1", plain)
	if w.claims(again.AccessToken)["sub"] != a.ID.String() {
		t.Error("the second session is of another account")
	}
	w.Want("a login with the id", w.Do(deployment.JSON("POST /login", `{"client_id":"app","username":"user-1","password":"`+deployment.Password+`"}`)), 401, "invalid_credentials")
	trail := w.Trail()
	if strings.Count(trail, `"event":"session_begun"`) != 2 || strings.Count(trail, `"event":"account_added"`) != 1 || !strings.Contains(trail, `"actor":"client:shop"`) {
		t.Errorf("the trail does not say who began two sessions:\n%s", trail)
	}
	if both := w.Log() + trail; strings.Contains(both, "user-1") || strings.Contains(both, "wprt_") || strings.Contains(both, "eyJ") {
		t.Errorf("a log has a subject or a token:\n%s", both)
	}
}

// Routes know the person by it: from the first token on, in later sessions and after refreshes, and apart from another directory's.
func TestExternalIDIsInEveryToken(t *testing.T) {
	w := newWorld(t)
	const body = `{"client_id":"app","amr":["pwd"],"scopes":["profile"]}`
	first := w.begin("4711", body)
	later := w.begin("4711", plain)
	ofBank := w.by("bank", at(beginRoute, "4711", plain))
	ada := w.Login("app")
	for name, c := range map[string]struct {
		text string
		want any
	}{
		"first": {first.AccessToken, "shop/4711"}, "later": {later.AccessToken, "shop/4711"},
		"refreshed": {w.refresh(later.RefreshToken).AccessToken, "shop/4711"},
		"bank's":    {ofBank.AccessToken, "bank/4711"}, "with a password": {ada.AccessToken, nil},
	} {
		if got := w.claims(c.text)["external_id"]; got != c.want {
			t.Errorf("%s: external_id %v, want %v", name, got, c.want)
		}
	}
	if got := w.As(first.AccessToken, deployment.Request{Route: "GET /userinfo"}); !strings.Contains(got.Body, `"external_id":"shop/4711"`) {
		t.Errorf("userinfo: %s", got.Body)
	}
	if got := w.As(ada.AccessToken, deployment.Request{Route: "GET /userinfo"}); got.StatusCode != 200 || strings.Contains(got.Body, "external_id") {
		t.Errorf("userinfo of somebody with a password: %s", got.Body)
	}
}

func TestAccountScopeIsGivenOnlyWhenRegistered(t *testing.T) {
	w := newWorld(t)
	sessions := deployment.Request{Route: "GET /sessions"}
	w.Want("not registered", w.As(w.begin("u", plain).AccessToken, sessions), 403, "insufficient_scope")
	w.change("shop", func(c *client.Client) { c.MayGrant = append(c.MayGrant, "scope:account") })
	w.Clock.Advance(time.Minute)
	got := w.begin("u", plain)
	w.Want("registered", w.As(got.AccessToken, sessions), 200, "")
	w.Want("and after a refresh", w.As(w.refresh(got.RefreshToken).AccessToken, sessions), 200, "")
}

// TestWhatIsNotRegisteredIsRefused is the matrix of may-begin, may-grant and amr, for the first session of a subject and a later one.
func TestWhatIsNotRegisteredIsRefused(t *testing.T) {
	w := newWorld(t)
	w.begin("known", plain)
	for name, test := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"the reserved client":    {`{"client_id":"wavepass","amr":["pwd"]}`, 403, "access_denied"},
		"an unregistered client": {`{"client_id":"unregistered","amr":["pwd"]}`, 403, "access_denied"},
		"a client that is none":  {`{"client_id":"nobody","amr":["pwd"]}`, 403, "access_denied"},
		"a third party":          {`{"client_id":"thirdparty","amr":["pwd"]}`, 403, "access_denied"},
		"a service":              {`{"client_id":"partner","amr":["pwd"]}`, 403, "access_denied"},
		"a removed client":       {`{"client_id":"gone","amr":["pwd"]}`, 400, "invalid_request"},
		"a site that no cookie of the back end's reaches": {`{"client_id":"site","amr":["pwd"]}`, 400, "invalid_request"},
		"another amr":               {`{"client_id":"app","amr":["pwd","hwk"]}`, 403, "access_denied"},
		"no amr":                    {`{"client_id":"app"}`, 400, "invalid_request"},
		"an empty amr":              {`{"client_id":"app","amr":[]}`, 400, "invalid_request"},
		"five amr":                  {`{"client_id":"app","amr":["pwd","pwd","pwd","pwd","pwd"]}`, 400, "invalid_request"},
		"no client":                 {`{"amr":["pwd"]}`, 400, "invalid_request"},
		"a role":                    {`{"client_id":"app","amr":["pwd"],"roles":["admin"]}`, 403, "access_denied"},
		"a role beside a good one":  {`{"client_id":"app","amr":["pwd"],"roles":["editor","admin"]}`, 403, "access_denied"},
		"a scope":                   {`{"client_id":"app","amr":["pwd"],"scopes":["stock"]}`, 403, "access_denied"},
		"the scope account":         {`{"client_id":"app","amr":["pwd"],"scopes":["account"]}`, 403, "access_denied"},
		"a claim":                   {`{"client_id":"app","amr":["pwd"],"claims":{"admin":true}}`, 403, "access_denied"},
		"a claim that is none":      {`{"client_id":"app","amr":["pwd"],"claims":{"plan":[1]}}`, 400, "invalid_request"},
		"claims that are no object": {`{"client_id":"app","amr":["pwd"],"claims":[]}`, 400, "invalid_request"},
		"a long device name":        {`{"client_id":"app","amr":["pwd"],"device_name":"` + strings.Repeat("x", 65) + `"}`, 400, "invalid_request"},
		"no JSON":                   {`client_id=app`, 400, "invalid_request"},
	} {
		for _, subject := range []string{"new", "known"} {
			w.Want(name+" for "+subject, w.by("shop", at(beginRoute, subject, test.body)), test.status, test.code)
		}
	}
	if a := w.account("shop", "new"); a != nil {
		t.Errorf("a refused request has made the account %+v", a)
	}
	if a := w.account("shop", "known"); len(a.Roles) > 0 || a.Claims != "" || w.Store.SessionCount() != 1 {
		t.Errorf("a refused request has changed the account to %+v, %d sessions", a, w.Store.SessionCount())
	}
	for name, body := range map[string]string{
		"a role": `{"roles":["admin"]}`, "a scope": `{"scopes":["account"]}`, "a claim": `{"claims":{"admin":1}}`,
		"a good one and disabling": `{"roles":["editor"],"claims":{"admin":1},"disabled":true}`,
	} {
		w.Want("change: "+name, w.by("shop", at(changeRoute, "known", body)), 403, "access_denied")
	}
	if a := w.account("shop", "known"); len(a.Roles) > 0 || a.Claims != "" || a.Disabled {
		t.Errorf("a refused change was made: %+v", a)
	}
	// A service that is registered for nothing more than its directory.
	w.register(func() client.Client {
		c, _ := w.Store.Client(t.Context(), "bank")
		c.MayBegin, c.MayGrant, c.AMR = nil, nil, nil
		return c
	}())
	w.Clock.Advance(time.Minute)
	w.Want("registered for nothing", w.by("bank", at(beginRoute, "u", plain)), 403, "access_denied")
}

// TestOnlyAServiceWithADirectoryIsServed tries every route with tokens of others.
func TestOnlyAServiceWithADirectoryIsServed(t *testing.T) {
	w := newWorld(t)
	w.begin("u", plain)
	w.change("partner", func(c *client.Client) { c.Scopes = []string{"sessions:manage"} }) // no directory; older than the check
	w.change("app", func(c *client.Client) { c.Scopes = []string{"sessions:manage"} })
	ada := w.account("", "") // the person of every deployment
	if err := w.Store.SetAccess(t.Context(), ada.ID, ada.Access(), ada.With(ada.Access()).Access()); err != nil {
		t.Fatal(err)
	}
	admin := ada.Access()
	admin.Scopes = []string{"sessions:manage"}
	if err := w.Store.SetAccess(t.Context(), ada.ID, ada.Access(), admin); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(time.Minute)
	person := w.Login("app").AccessToken
	if scope := w.claims(person)["scope"].(string); !strings.Contains(scope, "sessions:manage") {
		t.Fatalf("scope %q: the test wants a person with the scope", scope)
	}
	partner := w.token("partner")
	w.change("shop", func(c *client.Client) { c.Scopes = []string{"stock"} })
	w.Clock.Advance(time.Minute)
	withoutScope := w.token("shop")
	for _, r := range []deployment.Request{
		at(beginRoute, "u", plain), at(listRoute, "u", ""), at(endRoute, "u", ""), at(endOneRoute, "u", ""), at(changeRoute, "u", `{"disabled":true}`),
	} {
		w.Want(r.Route+" without a token", w.Do(r), 401, "invalid_token")
		w.Want(r.Route+" by a person", w.As(person, r), 403, "access_denied")
		w.Want(r.Route+" without a directory", w.As(partner, r), 403, "access_denied")
		w.Want(r.Route+" without the scope", w.As(withoutScope, r), 403, "insufficient_scope")
	}
	if a := w.account("shop", "u"); a.Disabled || w.Store.SessionCount() != 2 {
		t.Errorf("somebody was served: %+v, %d sessions", a, w.Store.SessionCount())
	}
}

// TestScopeThatIsTakenAwayCountsWithinAMinute uses a token of before.
func TestScopeThatIsTakenAwayCountsWithinAMinute(t *testing.T) {
	w := newWorld(t)
	before := w.token("shop")
	w.Want("before", w.As(before, at(beginRoute, "u", plain)), 200, "")
	w.change("shop", func(c *client.Client) { c.Directory = "" })
	w.Clock.Advance(client.CacheLife)
	w.Want("after", w.As(before, at(beginRoute, "u", plain)), 403, "access_denied")
}

func TestServiceTokenIsForThisServiceToo(t *testing.T) {
	w := newWorld(t)
	w.change("shop", func(c *client.Client) { c.Audiences = []string{"https://stock.example"} })
	if diff := cmp.Diff([]any{"https://stock.example", deployment.Issuer}, w.claims(w.token("shop"))["aud"]); diff != "" {
		t.Errorf("audience (-want +got)\n%s", diff)
	}
	w.begin("u", plain)
}

// together makes so many calls of a method return at one time, so that each has read what was there before any has written.
func (w world) together(method string, many int) {
	all, arrived := make(chan struct{}), &atomic.Int64{}
	w.Store.After = func(_ context.Context, called string) error {
		if called == method {
			if arrived.Add(1) == int64(many) {
				close(all)
			}
			<-all
		}
		return nil
	}
}

func TestManyFirstSessionsAtOnceMakeOneAccount(t *testing.T) {
	w := newWorld(t)
	token := w.token("shop")
	const many = 200
	w.together("Subject", many)
	var wg sync.WaitGroup
	answers := make([]deployment.Answer, many)
	for i := range many {
		wg.Go(func() { answers[i] = w.As(token, at(beginRoute, "u", plain)) })
	}
	wg.Wait()
	subjects := map[any]bool{}
	for i, got := range answers {
		w.Want(fmt.Sprint("call ", i), got, 200, "")
		if got.StatusCode == 200 {
			subjects[w.claims(got.AccessToken)["sub"]] = true
		}
	}
	if len(subjects) != 1 || w.Store.SessionCount() != many {
		t.Errorf("%d accounts with %d sessions, want one with %d", len(subjects), w.Store.SessionCount(), many)
	}
}

func keyed(key, body string) deployment.Request {
	return at(beginRoute, "u", body).With("idempotency-key", key)
}

func TestIdempotencyKeyGivesTheSameSession(t *testing.T) {
	w := newWorld(t)
	first := w.by("shop", keyed("k-1", plain))
	w.Want("first", first, 200, "")
	w.Clock.Advance(9 * time.Minute)
	again := w.by("shop", keyed("k-1", `{"amr": ["pwd"], "client_id": "app"}`)) // the same in another spelling
	w.Want("again", again, 200, "")
	if again.RefreshToken != first.RefreshToken || w.claims(again.AccessToken)["sid"] != w.claims(first.AccessToken)["sid"] || w.Store.SessionCount() != 1 {
		t.Error("the same key has begun another session")
	}
	if !strings.Contains(w.Trail(), `"event":"begin_repeated"`) {
		t.Error("the trail does not say that it was repeated")
	}
	for name, body := range map[string]string{
		"another device": `{"client_id":"app","amr":["pwd"],"device_name":"x"}`, "another amr": `{"client_id":"app","amr":["otp"]}`,
		"remembered": `{"client_id":"app","amr":["pwd"],"remember":true}`, "a role": `{"client_id":"app","amr":["pwd"],"roles":["editor"]}`,
		"no roles": `{"client_id":"app","amr":["pwd"],"roles":[]}`, "claims": `{"client_id":"app","amr":["pwd"],"claims":{"plan":"x"}}`,
	} {
		w.Want(name, w.by("shop", keyed("k-1", body)), 422, "invalid_request")
	}
	w.Want("another subject", w.by("shop", at(beginRoute, "v", plain).With("idempotency-key", "k-1")), 200, "")
	w.Want("another directory", w.by("bank", keyed("k-1", `{"client_id":"app","amr":["otp"]}`)), 200, "")
	w.Want("used", w.refresh(first.RefreshToken), 200, "")
	w.Want("again when it was used", w.by("shop", keyed("k-1", plain)), 409, "already_used")
	w.Clock.Advance(time.Minute)
	later := w.by("shop", keyed("k-1", plain))
	w.Want("after ten minutes", later, 200, "")
	if w.claims(later.AccessToken)["sid"] == w.claims(first.AccessToken)["sid"] {
		t.Error("the key was not free again after ten minutes")
	}
}

func TestKeyOfASessionThatEndedIsAlreadyUsed(t *testing.T) {
	w := newWorld(t)
	w.Want("first", w.by("shop", keyed("k", plain)), 200, "")
	w.Want("end all", w.by("shop", at(endRoute, "u", "")), 200, "")
	w.Want("again", w.by("shop", keyed("k", plain)), 409, "already_used")
}

func TestIdempotencyKeysAreBounded(t *testing.T) {
	w := newWorld(t)
	for key, status := range map[string]int{
		"": 400, "a b": 400, "ä": 400, "a\n": 400, strings.Repeat("k", 65): 400, strings.Repeat("k", 64): 200, "!~": 200,
	} {
		if got := w.by("shop", keyed(key, plain)); got.StatusCode != status {
			t.Errorf("key %q: %d, want %d", key, got.StatusCode, status)
		}
	}
}

func TestManyAtOnceWithOneKeyBeginOneSession(t *testing.T) {
	w := newWorld(t)
	token := w.token("shop")
	w.begin("u", plain) // the account is there: the key alone decides
	refresh := make([]string, 50)
	w.together("Subject", len(refresh))
	var wg sync.WaitGroup
	for i := range refresh {
		wg.Go(func() { refresh[i] = w.As(token, keyed("k", plain)).RefreshToken })
	}
	wg.Wait()
	slices.Sort(refresh)
	if same := slices.Compact(refresh); len(same) != 1 || same[0] == "" || w.Store.SessionCount() != 2 {
		t.Errorf("%d different answers, %d sessions; want one answer, and one session beside the first", len(same), w.Store.SessionCount())
	}
}

// TestLostAnswerOfAnyCallCostsNothing loses, and then fails, each call of the store once. A caller who repeats the request with its
// key gets the session, and there is one.
func TestLostAnswerOfAnyCallCostsNothing(t *testing.T) {
	const body = `{"client_id":"app","amr":["pwd"],"roles":["editor"],"claims":{"plan":"gold"}}`
	for _, known := range []bool{false, true} {
		for _, method := range []string{"Client", "Subject", "BeginSession", "ReadPart", "Account", "SetAccess", "Session"} {
			for name, fault := range map[string]func(*world){
				"fails": func(w *world) { w.Store.Before = hooks.Fail(method) },
				"lost":  func(w *world) { w.Store.After = hooks.Fail(method) },
			} {
				w := newWorld(t)
				if known {
					w.begin("u", plain)
				}
				token := w.token("shop")
				w.Restart(browser.Jar{}, func(string) keyring.Sealer { return w.Sealer }) // cold
				w.Want("authorize", w.As(token, at(listRoute, "v", "")), 404, "not_found")
				fault(&w)
				first := w.As(token, keyed("k", body))
				w.Store.Before, w.Store.After = nil, nil
				if first.StatusCode != 200 {
					w.Want(fmt.Sprintf("%s %s, known %t", method, name, known), first, 503, "temporarily_unavailable")
				}
				again := w.As(token, keyed("k", body))
				w.Want(fmt.Sprintf("%s %s, known %t: again", method, name, known), again, 200, "")
				sessions := map[bool]int{false: 1, true: 2}[known]
				a := w.account("shop", "u")
				if w.Store.SessionCount() != sessions || !slices.Equal(a.Roles, []string{"editor"}) || a.Claims != `{"plan":"gold"}` {
					t.Errorf("%s %s, known %t: %d sessions of %+v, want %d", method, name, known, w.Store.SessionCount(), a, sessions)
				}
			}
		}
	}
}

func TestCookiesAreAListToPassOn(t *testing.T) {
	w := newWorld(t)
	got := w.begin("u", `{"client_id":"web","amr":["pwd"],"remember":true}`)
	var body struct{ Cookies []string }
	if err := json.Unmarshal([]byte(got.Body), &body); err != nil {
		t.Fatal(err)
	}
	if len(body.Cookies) != 1 || !strings.HasPrefix(body.Cookies[0], "__Host-Http-wprt-web=wprt_") || len(got.Cookies) > 0 || got.RefreshToken != "" {
		t.Fatalf("cookies %v in the body, %v set, want one in the body alone", len(body.Cookies), len(got.Cookies))
	}
	pair, _, _ := strings.Cut(body.Cookies[0], ";")
	w.Want("refresh", w.Do(deployment.JSON("POST /refresh", `{"client_id":"web"}`).From(deployment.Origin).Cookie(pair)), 200, "")
}

func TestCookieThatWouldNotReachTheServiceIsRefused(t *testing.T) {
	const body = `{"client_id":"web","amr":["pwd"]}`
	for name, test := range map[string]struct {
		origins []string
		domain  string
		status  int
	}{
		"the same host":                 {[]string{"https://id.example.com"}, "", 200},
		"the same host, another port":   {[]string{"https://id.example.com:8443"}, "", 200},
		"no origins: the service's own": {nil, "", 200},
		"a sibling":                     {[]string{"https://app.example.com"}, "", 400},
		"a sibling and the same host":   {[]string{"https://app.example.com", "https://id.example.com"}, "", 200},
		"a sibling below the domain":    {[]string{"https://app.example.com"}, "example.com", 200},
		"the domain itself":             {[]string{"https://example.com"}, "example.com", 200},
		"a name that ends like it":      {[]string{"https://badexample.com"}, "example.com", 400},
		"another domain":                {[]string{"https://app.example.org"}, "example.com", 400},
	} {
		w := newWorld(t)
		w.change("web", func(c *client.Client) { c.Origins = test.origins })
		w.Restart(browser.Jar{Domain: test.domain}, func(string) keyring.Sealer { return w.Sealer })
		got := w.by("shop", at(beginRoute, "u", body))
		if got.StatusCode != test.status || test.status == 400 && !strings.Contains(got.Description, "COOKIE_DOMAIN") {
			t.Errorf("%s: %d %s, want %d", name, got.StatusCode, got.Body, test.status)
		}
	}
}
