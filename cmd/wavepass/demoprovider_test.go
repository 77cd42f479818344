package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/internal/eventlines"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/store/bolt"
)

// partnerRequest is the address of an authorization request that the greeting shows.
func partnerRequest(t *testing.T, s *server) string {
	t.Helper()
	for line := range strings.Lines(s.greeting) {
		if address := strings.TrimSpace(line); strings.HasPrefix(address, s.url+"/authorize?") {
			return address
		}
	}
	return demoAuthorization(s.url) // the test helper reads no further than the first calls
}

// allowed presses the button of the consent page, where the person is asked, and returns the tokens that the third party gets for its code.
func allowed(t *testing.T, s *server, w *surfer, page shown) answer {
	t.Helper()
	if strings.Contains(page.html, demoPartnerWeb) {
		page = w.send(page, "/consent", "decision", "allow")
	}
	if !strings.HasPrefix(page.at.String(), demoPartnerWebBack+"?") {
		t.Fatalf("at %s, want the third party: %d %s", page.at, page.status, page.html)
	}
	got := s.form("/token", "grant_type", "authorization_code", "client_id", demoPartnerWeb, "client_secret", demoPartnerWebSecret, "redirect_uri", demoPartnerWebBack,
		"code", page.at.Query().Get("code"), "code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
	s.want("tokens of the third party", got, 200, "")
	return got
}

func TestDemoThirdPartyIsAllowedByThePerson(t *testing.T) {
	s := start(t, "--data", t.TempDir())
	w := newSurfer(t)
	page := w.send(w.visit(http.MethodGet, partnerRequest(t, s), nil), "/signin", "username", demoUsername, "password", demoPassword)
	if page.at.Path != "/authorize" || !strings.Contains(page.html, demoPartnerWeb) {
		t.Fatalf("at %s, want the page that asks about %s: %d %s", page.at, demoPartnerWeb, page.status, page.html)
	}
	if info := s.userinfo(allowed(t, s, w, page).AccessToken); info.Status != 200 || info.Sub != s.userinfo(s.login().AccessToken).Sub {
		t.Errorf("userinfo: %d %s, want the demo account", info.Status, info.Body)
	}
}

func TestDemoProviderSignsPeopleIn(t *testing.T) {
	data := t.TempDir()
	signIn := func(what string) (sub string) {
		s := start(t, "--data", data, "--demo-provider")
		w := newSurfer(t)
		page := w.visit(http.MethodGet, partnerRequest(t, s), nil)
		if !strings.Contains(page.html, "Sign in with Demo provider") {
			t.Fatalf("%s: no button: %d %s", what, page.status, page.html)
		}
		page = w.send(page, "/signin/provider", "provider", demoProviderID)
		service, err := url.Parse(s.url)
		check(t, err)
		if page.at.Hostname() == service.Hostname() || !strings.Contains(page.html, demoProviderName) {
			t.Errorf("%s: at %s, want a page of the provider at another host name: %s", what, page.at, page.html)
		}
		page = w.send(page, "/signin", "username", demoUsername, "password", demoPassword)
		info := s.userinfo(allowed(t, s, w, page).AccessToken)
		if own := s.userinfo(s.login().AccessToken).Sub; info.Status != 200 || info.Sub == own || info.Sub == "" {
			t.Errorf("%s: userinfo %d %s, want an account of its own, not %s", what, info.Status, info.Body, own)
		}
		check(t, s.stop())
		return info.Sub
	}
	first := signIn("first")
	if again := signIn("after a restart"); again != first {
		t.Errorf("after a restart the person is %s, want %s", again, first)
	}
	var left []providerJSON
	check(t, json.Unmarshal([]byte(mustCommand(t, "provider", "list", "--json", "--data", data)), &left))
	if len(left) != 0 {
		t.Errorf("its button is left on the page: %+v", left)
	}
}

func TestDemoProviderOfAServiceOnALoopbackAddress(t *testing.T) {
	s := start(t, "--data", t.TempDir(), "--demo-provider", "--issuer", "http://127.0.0.1:1")
	if !strings.Contains(s.greeting, "demo provider, http://localhost:") {
		t.Errorf("the greeting is\n%s\nwant the provider at localhost: cookies of one host name are shared by its ports", s.greeting)
	}
}

func TestDemoOfANewFolderIsMadeByTheSystem(t *testing.T) {
	store, err := bolt.Open(filepath.Join(t.TempDir(), databaseName), time.Now)
	check(t, err)
	var out bytes.Buffer
	check(t, seedDemo(audit.WithActor(t.Context(), audit.System), store, audit.NewTrail(eventlines.Watch(t, &out), time.Now), time.Now()))
	check(t, store.Close())
	if lines := strings.Count(out.String(), `"actor":"system"`); lines != 1+len(demoClients()) {
		t.Errorf("events %s, want one of the account and of each client", &out)
	}
}

// A folder of a version that had no partner-web gets it, unless somebody has removed it, or the folder is no demo.
func TestDemoOfAVersionBeforeGetsItsThirdParty(t *testing.T) {
	removed := client.Client{ID: demoPartnerWeb, Kind: client.Removed}
	for what, tc := range map[string]struct {
		secret string
		there  *client.Client
		want   client.Kind
	}{
		"a demo":                   {demoSecret, nil, client.Server},
		"it was removed":           {demoSecret, &removed, client.Removed},
		"a partner of their own":   {"another-secret", nil, ""},
		"their own, and a removed": {"another-secret", &removed, client.Removed},
	} {
		store, err := bolt.Open(filepath.Join(t.TempDir(), databaseName), time.Now)
		check(t, err)
		partner := client.New("partner", client.Service)
		partner.SecretHash = client.HashSecret(oauth.NewSecret(tc.secret))
		check(t, store.PutClient(t.Context(), partner))
		if tc.there != nil {
			check(t, store.PutClient(t.Context(), *tc.there))
		}
		check(t, seedDemo(t.Context(), store, audit.NewTrail(eventlines.Watch(t, io.Discard), time.Now), time.Now()))
		got, err := store.Client(t.Context(), demoPartnerWeb)
		if got.Kind != tc.want || (tc.want == "") != errors.Is(err, client.ErrUnknown) {
			t.Errorf("%s: %q, %v, want %q", what, got.Kind, err, tc.want)
		}
		if demo, err := hasDemo(t.Context(), store); demo || err != nil {
			t.Errorf("%s: the demo account was made (%v)", what, err)
		}
		check(t, store.Close())
	}
}
