package client_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const day = 24 * time.Hour

func TestDefaultsAreThoseOfTheDesign(t *testing.T) {
	for kind, want := range map[client.Kind]client.Client{
		client.Browser: {AccessLife: 15 * time.Minute, IdleLife: 14 * day, Absolute: day, Remembered: 30 * day},
		client.Site:    {AccessLife: 15 * time.Minute, IdleLife: 14 * day, Absolute: day, Remembered: 30 * day},
		client.Native:  {AccessLife: 15 * time.Minute, IdleLife: 14 * day, Absolute: 30 * day, LateRetries: 2},
		client.Server:  {AccessLife: 15 * time.Minute, IdleLife: 14 * day, Absolute: 30 * day},
		client.Service: {AccessLife: 15 * time.Minute, IdleLife: 14 * day, Absolute: 30 * day},
	} {
		t.Run(string(kind), func(t *testing.T) {
			want.ID, want.Kind, want.Roles, want.FirstParty = "app", kind, client.RolesEmbed, true
			if diff := cmp.Diff(want, client.New("app", kind)); diff != "" {
				t.Errorf("defaults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKindDecidesTheTransport(t *testing.T) {
	for kind, want := range map[client.Kind]client.Transport{
		client.Native: client.InBody, client.Server: client.InBody, client.Browser: client.InCookie, client.Site: client.AsHandle, client.Service: client.NoSession, "": client.NoSession,
	} {
		c := client.Client{Kind: kind}
		if cookies := want == client.InCookie || want == client.AsHandle; c.Transport() != want || c.UsesCookies() != cookies {
			t.Errorf("%q: transport %d, cookies %t; want %d, %t", kind, c.Transport(), c.UsesCookies(), want, cookies)
		}
	}
}

func TestKindDecidesWhoAuthenticatesAndWhoTakesPasswords(t *testing.T) {
	type rights struct{ authenticates, keepsRefreshToken, takesPasswords bool }
	for kind, want := range map[client.Kind]rights{
		client.Browser: {takesPasswords: true}, client.Site: {takesPasswords: true}, client.Native: {takesPasswords: true},
		client.Server: {authenticates: true, keepsRefreshToken: true}, client.Service: {authenticates: true, keepsRefreshToken: true},
		client.Removed: {},
	} {
		c := client.New("c", kind)
		if got := (rights{c.Authenticates(), c.KeepsRefreshToken(), c.TakesPasswords()}); got != want {
			t.Errorf("%s: %+v, want %+v", kind, got, want)
		}
	}
}

func TestDefaultsOfEveryKindPassTheCheck(t *testing.T) {
	for _, kind := range client.Kinds {
		if err := good(kind).Check(); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func good(kind client.Kind) client.Client {
	c := client.New("c", kind)
	if kind == client.Service {
		c.SecretHash = client.HashSecret(oauth.NewSecret("s"))
	}
	return c
}

// checks is the table of TestCheckFindsWhatIsWrong: what is changed in a good client, and how the
// complaint begins ("" for none).
var checks = []struct {
	name   string
	kind   client.Kind
	change func(*client.Client)
	want   string
}{
	{"id empty", client.Native, func(c *client.Client) { c.ID = "" }, `client : id "": want`},
	{"id of 64", client.Native, func(c *client.Client) { c.ID = strings.Repeat("a", 64) }, ""},
	{"id of 65", client.Native, func(c *client.Client) { c.ID = strings.Repeat("a", 65) }, "client "},
	{"id with everything", client.Native, func(c *client.Client) { c.ID = "a9._-z" }, ""},
	{"id in upper case", client.Native, func(c *client.Client) { c.ID = "App" }, "client "},
	{"id begins with a digit", client.Native, func(c *client.Client) { c.ID = "1app" }, "client "},
	{"id begins with a hyphen", client.Native, func(c *client.Client) { c.ID = "-app" }, "client "},
	{"id with a newline", client.Native, func(c *client.Client) { c.ID = "app\n" }, "client "},
	{"id with a key separator", client.Native, func(c *client.Client) { c.ID = "a#b" }, "client "},
	{"id with a colon", client.Native, func(c *client.Client) { c.ID = "a:b" }, "client "},
	{"id with a slash", client.Native, func(c *client.Client) { c.ID = "a/b" }, "client "},
	{"id with a space", client.Native, func(c *client.Client) { c.ID = "a b" }, "client "},
	{"id not ASCII", client.Native, func(c *client.Client) { c.ID = "äpp" }, "client "},
	{"id a UUID", client.Native, func(c *client.Client) { c.ID = "a197c1a5-2c5e-7d3a-9f1e-0123456789ab" }, `client a197c1a5-2c5e-7d3a-9f1e-0123456789ab: id "a197c1a5-2c5e-7d3a-9f1e-0123456789ab" looks like`},
	{"id a UUID without hyphens", client.Native, func(c *client.Client) { c.ID = "a197c1a52c5e7d3a9f1e0123456789ab" }, `client a197c1a52c5e7d3a9f1e0123456789ab: id "a197c1a52c5e7d3a9f1e0123456789ab" looks like`},

	{"kind empty", client.Native, func(c *client.Client) { c.Kind = "" }, `client c: kind ""`},
	{"kind unknown", client.Native, func(c *client.Client) { c.Kind = "mobile" }, `client c: kind "mobile"`},
	{"kind in upper case", client.Native, func(c *client.Client) { c.Kind = "Native" }, `client c: kind "Native"`},
	{"roles empty", client.Native, func(c *client.Client) { c.Roles = "" }, `client c: roles ""`},
	{"roles unknown", client.Native, func(c *client.Client) { c.Roles = "both" }, `client c: roles "both"`},
	{"roles looked up", client.Native, func(c *client.Client) { c.Roles = client.RolesLookup }, ""},

	{"access life 10 s", client.Native, func(c *client.Client) { c.AccessLife = 10 * time.Second }, ""},
	{"access life under 10 s", client.Native, func(c *client.Client) { c.AccessLife = 10*time.Second - 1 }, "client c: access_life"},
	{"access life negative", client.Native, func(c *client.Client) { c.AccessLife = -time.Hour }, "client c: access_life"},
	{"access life at most", client.Native, func(c *client.Client) { c.AccessLife = oauth.MaxAccessLife }, ""},
	{"access life too long", client.Native, func(c *client.Client) { c.AccessLife = oauth.MaxAccessLife + 1 }, "client c: access_life"},
	{"idle life 1 min", client.Native, func(c *client.Client) { c.AccessLife, c.IdleLife = time.Minute, time.Minute }, ""},
	{"idle life below access life", client.Native, func(c *client.Client) { c.IdleLife = c.AccessLife - 1 }, "client c: idle_life"},
	{"idle life of 59 s", client.Native, func(c *client.Client) { c.AccessLife, c.IdleLife = time.Second*59, time.Second*59 }, "client c: idle_life"},
	{"idle life under 1 min", client.Native, func(c *client.Client) { c.IdleLife = time.Minute - 1 }, "client c: idle_life"},
	{"idle life 400 days", client.Native, func(c *client.Client) { c.IdleLife = 400 * day }, ""},
	{"idle life too long", client.Native, func(c *client.Client) { c.IdleLife = 400*day + 1 }, "client c: idle_life"},
	{"absolute life 1 min", client.Native, func(c *client.Client) { c.Absolute = time.Minute }, ""},
	{"absolute life under 1 min", client.Native, func(c *client.Client) { c.Absolute = time.Minute - 1 }, "client c: absolute_life"},
	{"absolute life 400 days", client.Native, func(c *client.Client) { c.Absolute = 400 * day }, ""},
	{"absolute life too long", client.Native, func(c *client.Client) { c.Absolute = 400*day + 1 }, "client c: absolute_life"},
	{"remembered 400 days", client.Browser, func(c *client.Client) { c.Remembered = 400 * day }, ""},
	{"remembered too long", client.Browser, func(c *client.Client) { c.Remembered = 400*day + 1 }, "client c: remembered_life"},

	{"no late retry", client.Native, func(c *client.Client) { c.LateRetries = 0 }, ""},
	{"five late retries", client.Native, func(c *client.Client) { c.LateRetries = 5 }, ""},
	{"six late retries", client.Native, func(c *client.Client) { c.LateRetries = 6 }, "client c: late_retries 6"},
	{"late retries negative", client.Native, func(c *client.Client) { c.LateRetries = -1 }, "client c: late_retries -1"},
	{"late retries of a browser", client.Browser, func(c *client.Client) { c.LateRetries = 1 }, "client c: late_retries 1: only native"},
	{"late retries of a site", client.Site, func(c *client.Client) { c.LateRetries = 1 }, "client c: late_retries 1: only native"},
	{"late retries of a service", client.Service, func(c *client.Client) { c.LateRetries = 1 }, "client c: late_retries 1: only native"},

	{"shared store", client.Native, func(c *client.Client) { c.SharedStore = true }, ""},
	{"shared store of a browser", client.Browser, func(c *client.Client) { c.SharedStore = true }, "client c: shared_store true: only native"},
	{"shared store of a site", client.Site, func(c *client.Client) { c.SharedStore = true }, "client c: shared_store true: only native"},
	{"shared store of a service", client.Service, func(c *client.Client) { c.SharedStore = true }, "client c: shared_store true: only native"},

	{"service without a secret yet", client.Service, func(c *client.Client) { c.SecretHash = nil }, ""},
	{"service, hash too short", client.Service, func(c *client.Client) { c.SecretHash = make([]byte, 31) }, "client c: secret has a hash of 3"},
	{"service, hash too long", client.Service, func(c *client.Client) { c.SecretHash = make([]byte, 33) }, "client c: secret has a hash of 3"},
	{"native with a secret", client.Native, func(c *client.Client) { c.SecretHash = make([]byte, 32) }, "client c: secret of a client that is no server or service"},
	{"browser with a secret", client.Browser, func(c *client.Client) { c.SecretHash = make([]byte, 32) }, "client c: secret of a client that is no server or service"},

	{"server without a secret yet", client.Server, func(*client.Client) {}, ""},
	{"server with a secret", client.Server, func(c *client.Client) { c.SecretHash = make([]byte, 32) }, ""},
	{"server, hash too short", client.Server, func(c *client.Client) { c.SecretHash = make([]byte, 31) }, "client c: secret has a hash of 3"},
	{"server, redirects", client.Server, func(c *client.Client) {
		c.Redirects, c.PostLogoutRedirects = []string{"https://app.example.com/callback", "http://localhost:8080/callback"}, []string{"https://app.example.com/bye"}
	}, ""},
	{"an origin of a server", client.Server, func(c *client.Client) { c.Origins = origins(1) }, "client c: origins of a server"},
	{"late retries of a server", client.Server, func(c *client.Client) { c.LateRetries = 1 }, "client c: late_retries 1: only native"},
	{"shared store of a server", client.Server, func(c *client.Client) { c.SharedStore = true }, "client c: shared_store true: only native"},
	{"a server that remembers", client.Server, func(c *client.Client) { c.Remembered = time.Hour }, "client c: remembered_life"},
	{"a directory of a server", client.Server, func(c *client.Client) { c.Directory = "shop" }, `client c: directory "shop": only service`},
	{"a server that introspects", client.Server, func(c *client.Client) { c.Introspects = []string{"app"} }, "client c: introspects of a client that is no service"},
	{"rights of a server", client.Server, func(c *client.Client) { c.MayBegin = []string{"app"} }, "client c: may_begin is for services with a directory"},
	{"idle life of a server 10 min", client.Server, func(c *client.Client) { c.AccessLife, c.IdleLife = time.Minute, 10*time.Minute }, ""},
	{"idle life of a server under 10 min", client.Server, func(c *client.Client) { c.AccessLife, c.IdleLife = time.Minute, 10*time.Minute-time.Second }, "client c: idle_life 9m59s: want at least 10m0s"},
	{"idle life of a site under 10 min", client.Site, func(c *client.Client) { c.AccessLife, c.IdleLife = time.Minute, 10*time.Minute-time.Second }, "client c: idle_life 9m59s: want at least 10m0s"},

	{"scopes of 512 bytes", client.Native, func(c *client.Client) { c.Scopes = []string{strings.Repeat("s", 255), strings.Repeat("t", 256)} }, ""},
	{"scopes of 513 bytes", client.Native, func(c *client.Client) { c.Scopes = []string{strings.Repeat("s", 256), strings.Repeat("t", 256)} }, "client c: scopes have 513 bytes"},
	{"scope with a space", client.Native, func(c *client.Client) { c.Scopes = []string{"a b"} }, `client c: scopes[0] "a b": want`},
	{"scope empty", client.Native, func(c *client.Client) { c.Scopes = []string{""} }, `client c: scopes[0] "": want`},
	{"scope not ASCII", client.Native, func(c *client.Client) { c.Scopes = []string{"lesen\xff"} }, `client c: scopes[0] "lesen`},
	{"three audiences of 160 bytes", client.Native, func(c *client.Client) { c.Audiences = []string{"a", "b", strings.Repeat("c", 158)} }, ""},
	{"audiences of 161 bytes", client.Native, func(c *client.Client) { c.Audiences = []string{strings.Repeat("c", 161)} }, "client c: audiences"},
	{"four audiences", client.Native, func(c *client.Client) { c.Audiences = []string{"a", "b", "c", "d"} }, "client c: audiences"},
	{"audience with a quote", client.Native, func(c *client.Client) { c.Audiences = []string{`a"b`} }, `client c: audiences[0] "a\"b": want`},
	{"account of a first party", client.Native, func(c *client.Client) { c.Scopes = []string{"account"} }, ""},
	{"account of a third party", client.Native, func(c *client.Client) {
		c.FirstParty, c.Audiences, c.Scopes = false, []string{"a"}, []string{"account"}
	}, "client c: scopes have account"},

	{"100 origins", client.Browser, func(c *client.Client) { c.Origins = origins(100) }, ""},
	{"an origin twice", client.Browser, func(c *client.Client) { c.Origins = slices.Repeat(origins(1), 2) }, `client c: origins[1] "https://a0.example.com": is [0] already`},
	{"an origin of a service", client.Service, func(c *client.Client) { c.Origins = origins(1) }, "client c: origins of a service"},
	{"a redirect of a service", client.Service, func(c *client.Client) { c.Redirects = origins(1) }, "client c: redirects of a service"},
	{"an introspected account", client.Service, func(c *client.Client) { c.Introspects = []string{"app", "App"} }, `client c: introspects[1] "App": want`},
	{"a third party", client.Native, func(c *client.Client) { c.FirstParty, c.Audiences = false, []string{"a"} }, ""},
	{"a directory", client.Service, func(c *client.Client) { c.Directory = "shop" }, ""},
	{"a directory in upper case", client.Service, func(c *client.Client) { c.Directory = "Shop" }, `client c: directory "Shop": want`},
	{"a directory of an app", client.Native, func(c *client.Client) { c.Directory = "shop" }, `client c: directory "shop": only service`},
	{"rights of a service", client.Service, func(c *client.Client) { *c = manager(*c) }, ""},
	{"sessions:manage without a directory", client.Service, func(c *client.Client) {
		*c = manager(*c)
		c.Directory = ""
		c.MayBegin, c.MayGrant, c.AMR = nil, nil, nil
	}, "client c: scopes have sessions:manage"},
	{"sessions:manage of an app", client.Native, func(c *client.Client) { c.Scopes = []string{"sessions:manage"} }, "client c: scopes have sessions:manage"},
	{"rights without a directory", client.Service, func(c *client.Client) { c.MayBegin = []string{"app"} }, "client c: may_begin is for services with a directory"},
	{"rights of an app", client.Native, func(c *client.Client) { c.MayGrant = []string{"role:admin"} }, "client c: may_grant is for services with a directory"},
	{"amr of an app", client.Browser, func(c *client.Client) { c.AMR = []string{"pwd"} }, "client c: amr is for services with a directory"},
	{"sessions of the reserved client", client.Service, func(c *client.Client) { *c = manager(*c); c.MayBegin = []string{"app", "wavepass"} }, `client c: may_begin[1] "wavepass": is reserved`},
	{"sessions of no client", client.Service, func(c *client.Client) { *c = manager(*c); c.MayBegin = []string{"App"} }, `client c: may_begin[0] "App": want`},
	{"a right without a kind", client.Service, func(c *client.Client) { *c = manager(*c); c.MayGrant = []string{"admin"} }, `client c: may_grant[0] "admin": want role:NAME`},
	{"a right of another kind", client.Service, func(c *client.Client) { *c = manager(*c); c.MayGrant = []string{"Role:admin"} }, `client c: may_grant[0] "Role:admin": want role:NAME`},
	{"a right without a name", client.Service, func(c *client.Client) { *c = manager(*c); c.MayGrant = []string{"role:"} }, `client c: may_grant[0] "role:": want role:NAME`},
	{"a claim that cannot be", client.Service, func(c *client.Client) { *c = manager(*c); c.MayGrant = []string{"claim:Plan"} }, `client c: may_grant[0] "claim:Plan": want role:NAME`},
	{"an amr that cannot be", client.Service, func(c *client.Client) { *c = manager(*c); c.AMR = []string{"pwd", "p w d"} }, `client c: amr[1] "p w d": want a name`},
	{"an amr of 17 characters", client.Service, func(c *client.Client) { *c = manager(*c); c.AMR = []string{strings.Repeat("a", 17)} }, `client c: amr[0] `},
	{"101 rights", client.Service, func(c *client.Client) { *c = manager(*c); c.MayGrant = make([]string, 101) }, "client c: may_grant has 101 entries"},
	{"a life that cannot be stored", client.Native, func(c *client.Client) { c.AccessLife = time.Minute + 1 }, "client c: access_life 1m0.000000001s: want whole milliseconds"},
	{"a tombstone", client.Native, func(c *client.Client) { c.Kind = client.Removed }, `client c: kind "removed": want`},
	{"an origin with a slash", client.Browser, func(c *client.Client) { c.Origins = []string{"https://app.example.com/"} }, "client c: origins[0] \"https://app.example.com/\": want"},
	{"101 origins", client.Browser, func(c *client.Client) { c.Origins = make([]string, 101) }, "client c: origins has 101 entries: want at most 100"},
	{"101 redirects", client.Native, func(c *client.Client) { c.Redirects = make([]string, 101) }, "client c: redirects has 101 entries: want at most 100"},
	{"101 audiences", client.Native, func(c *client.Client) { c.Audiences = make([]string, 101) }, "client c: audiences has 101 entries: want at most 100"},
	{"101 scopes", client.Native, func(c *client.Client) { c.Scopes = make([]string, 101) }, "client c: scopes has 101 entries: want at most 100"},
	{"101 introspects", client.Service, func(c *client.Client) { c.Introspects = make([]string, 101) }, "client c: introspects has 101 entries: want at most 100"},
}

// manager is a service that may manage the sessions of its directory.
func manager(c client.Client) client.Client {
	c.Directory, c.Scopes, c.MayBegin = "shop", []string{"sessions:manage"}, []string{"app", "web"}
	c.MayGrant, c.AMR = []string{"role:editor", "scope:orders:read", "scope:account", "claim:plan"}, []string{"pwd", "otp"}
	return c
}

// origins are n different ones.
func origins(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("https://a%d.example.com", i))
	}
	return list
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			changed := good(c.kind)
			c.change(&changed)
			err := changed.Check()
			switch {
			case c.want == "" && err != nil:
				t.Errorf("got %v, want it accepted", err)
			case c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)):
				t.Errorf("got %v, want a complaint that begins %q", err, c.want)
			}
		})
	}
}

func TestCheckFindsWhatAKindCannotHave(t *testing.T) {
	for name, c := range map[string]struct {
		kind   client.Kind
		change func(*client.Client)
	}{
		"a native client with a short secret hash": {client.Native, func(c *client.Client) { c.SecretHash = []byte("short") }},
		"a native client that introspects":         {client.Native, func(c *client.Client) { c.Introspects = []string{"app"} }},
		"a native client that remembers":           {client.Native, func(c *client.Client) { c.Remembered = day }},
		"a browser that remembers negatively":      {client.Browser, func(c *client.Client) { c.Remembered = -day }},
	} {
		t.Run(name, func(t *testing.T) {
			changed := good(c.kind)
			c.change(&changed)
			if err := changed.Check(); err == nil {
				t.Errorf("%+v was accepted", changed)
			}
		})
	}
}

func TestAuthenticate(t *testing.T) {
	hash := sha256.Sum256([]byte("right"))
	for _, c := range []struct {
		kind   client.Kind
		hash   []byte
		secret oauth.Secret
		want   error
	}{
		{client.Service, hash[:], oauth.NewSecret("right"), nil},
		{client.Service, hash[:], oauth.NewSecret("wrong"), client.ErrUnknown},
		{client.Service, hash[:], oauth.NewSecret("Right"), client.ErrUnknown},
		{client.Service, hash[:], oauth.NewSecret("right "), client.ErrUnknown},
		{client.Service, hash[:], oauth.NewSecret(string(hash[:])), client.ErrUnknown}, // the hash is no secret
		{client.Service, hash[:], oauth.NewSecret(""), client.ErrUnknown},
		{client.Service, hash[:], oauth.Secret{}, client.ErrUnknown},
		{client.Service, nil, oauth.Secret{}, client.ErrUnknown}, // a broken record lets nobody in
		{client.Service, nil, oauth.NewSecret(""), client.ErrUnknown},
		{client.Native, nil, oauth.Secret{}, nil},
		{client.Native, nil, oauth.NewSecret(""), nil},
		{client.Native, nil, oauth.NewSecret("x"), client.ErrUnknown},
		{client.Browser, nil, oauth.NewSecret(""), nil},
		{client.Browser, nil, oauth.NewSecret("x"), client.ErrUnknown},
		{client.Site, nil, oauth.NewSecret(""), nil},
		{client.Site, nil, oauth.NewSecret("x"), client.ErrUnknown},
		{client.Native, hash[:], oauth.NewSecret("right"), client.ErrUnknown},
	} {
		t.Run(fmt.Sprintf("%s %q", c.kind, c.secret.Reveal()), func(t *testing.T) {
			err := client.Client{ID: "c", Kind: c.kind, SecretHash: c.hash}.Authenticate(c.secret)
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "right") {
				t.Errorf("the error %q shows a secret", err)
			}
		})
	}
}

func TestSessionLife(t *testing.T) {
	for name, c := range map[string]struct {
		client   client.Client
		remember bool
		want     time.Duration
	}{
		"browser":                        {good(client.Browser), false, day},
		"browser, remembered":            {good(client.Browser), true, 30 * day},
		"native":                         {good(client.Native), false, 30 * day},
		"native has nothing to remember": {good(client.Native), true, 30 * day},
		"remembered for less":            {client.Client{Absolute: 2 * time.Hour, Remembered: time.Hour}, true, time.Hour},
	} {
		if got := c.client.SessionLife(c.remember); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestOnlyFirstPartyClientsThatPeopleUseMayManageAccounts(t *testing.T) {
	for name, tc := range map[string]struct {
		kind       client.Kind
		firstParty bool
		scopes     []string
		want       []string
	}{
		"by default":                  {client.Native, true, []string{"a", "b"}, []string{"a", "b", "account"}},
		"no scope registered":         {client.Browser, true, nil, []string{"account"}},
		"registered, in its place":    {client.Site, true, []string{"account", "a"}, []string{"account", "a"}},
		"third party":                 {client.Native, false, []string{"a"}, []string{"a"}},
		"third party, stored with it": {client.Native, false, []string{"account", "a"}, []string{"a"}},
		"service":                     {client.Service, true, []string{"account", "a"}, []string{"a"}},
	} {
		c := client.New("c", tc.kind)
		c.FirstParty, c.Scopes = tc.firstParty, tc.scopes
		if diff := cmp.Diff(tc.want, c.AllowedScopes()); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
		if diff := cmp.Diff(tc.scopes, c.Scopes); diff != "" {
			t.Errorf("%s: its own list became (-before +after)\n%s", name, diff)
		}
	}
}
