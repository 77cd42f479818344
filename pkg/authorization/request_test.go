package authorization_test

import (
	"encoding/base64"
	"errors"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/authorization"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	issuer    = "https://id.example.com"
	redirect  = "https://app.example.com/callback"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636, appendix B
)

func application() client.Client {
	c := client.New("app", client.Native)
	c.Redirects = []string{redirect, "https://app.example.com/with?query=kept", "http://127.0.0.1/callback", "com.example.app:/callback"}
	c.Audiences = []string{"https://api.example.com", "https://mcp.example.com/mcp"}
	c.Scopes = []string{"openid", "email", "orders:read"}
	return c
}

// good is a request that is taken; each change is "name=value" in place of what it had, "+name=value" beside it, or "-name".
func good(changes ...string) string {
	v := url.Values{
		"response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {redirect}, "state": {"st&te ="}, "nonce": {"n-1"},
		"scope": {"openid orders:read"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for _, change := range changes {
		switch name, value, _ := strings.Cut(strings.TrimLeft(change, "+-"), "="); change[0] {
		case '-':
			v.Del(name)
		case '+':
			v.Add(name, value)
		default:
			v.Set(name, value)
		}
	}
	return v.Encode()
}

func TestGoodRequest(t *testing.T) {
	got, err := authorization.Check(good("prompt=login consent", "max_age=0", "login_hint=ada@example.com", "resource=https://api.example.com",
		"ui_locales=de-AT en", "id_token_hint=x.y.z", "provider=google", "claims={}", "display=page", "+vendor=1", "+vendor=2", "response_mode=query"), application())
	if err != nil {
		t.Fatal(err)
	}
	if got.Client.ID != "app" || got.Redirect != redirect || got.State != "st&te =" || got.Nonce != "n-1" || got.Challenge != challenge {
		t.Errorf("got %+v", got)
	}
	if !slices.Equal(got.Scopes, []string{"openid", "orders:read"}) || got.Resource != "https://api.example.com" || !slices.Equal(got.Locales, []string{"de-AT", "en"}) {
		t.Errorf("scopes %q, resource %q, locales %q", got.Scopes, got.Resource, got.Locales)
	}
	if got.Prompt != (authorization.Prompt{Login: true, Consent: true}) || got.MaxAge == nil || *got.MaxAge != 0 {
		t.Errorf("prompt %+v, max_age %v", got.Prompt, got.MaxAge)
	}
	if got.LoginHint != "ada@example.com" || got.IDTokenHint.Reveal() != "x.y.z" || got.Provider != "google" {
		t.Errorf("hints %q %q %q", got.LoginHint, got.IDTokenHint.Reveal(), got.Provider)
	}
}

func TestWhatMayBeLeftOut(t *testing.T) {
	got, err := authorization.Check(good("-state", "-nonce", "-scope"), application())
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"openid", "email", "orders:read", "account"}; !slices.Equal(got.Scopes, want) {
		t.Errorf("without scope: %q, want what the client is registered for: %q", got.Scopes, want)
	}
	if got.MaxAge != nil || got.Prompt != (authorization.Prompt{}) || strings.Contains(got.AnswerCode(issuer, oauth.NewSecret("c")), "state") {
		t.Errorf("got %+v", got)
	}
	if got, err = authorization.Check(good("scope=orders:read unknown account"), application()); err != nil || !slices.Equal(got.Scopes, []string{"orders:read", "account"}) {
		t.Errorf("scopes %q, %v; want those that the client is registered for", got.Scopes, err)
	}
	thirdParty := application()
	thirdParty.FirstParty = false
	if got, err = authorization.Check(good("scope=orders:read account"), thirdParty); err != nil || !slices.Equal(got.Scopes, []string{"orders:read"}) {
		t.Errorf("third party: scopes %q, %v", got.Scopes, err)
	}
	if got, err = authorization.Check(good("max_age=3600", "redirect_uri=http://127.0.0.1:50123/callback"), application()); err != nil || *got.MaxAge != time.Hour {
		t.Errorf("max_age %v, %v", got.MaxAge, err)
	}
}

// page is the code of a request that is answered on a page of ours.
const page = "(page)"

func TestHostileRequests(t *testing.T) {
	long := strings.Repeat("x", 64<<10)
	plain := base64.RawURLEncoding.EncodeToString
	for _, tc := range []struct{ raw, code string }{
		// What has no client or redirect to be answered at.
		{"", page}, {"&&&", page}, {"%", page}, {"client_id=app;redirect_uri=" + redirect, page}, {good() + "&x=%zz", page}, {good() + ";x=1", page},
		{good("-client_id"), page}, {good("client_id="), page}, {good("client_id=App"), page}, {good("client_id=app "), page}, {good("client_id=app\x00"), page},
		{good("+client_id=app"), page}, {good("+client_id=other"), page}, {good("client_id=other"), page}, {good("client_id=" + long), page},
		{good("-redirect_uri"), page}, {good("redirect_uri="), page}, {good("+redirect_uri=" + redirect), page}, {good("+redirect_uri=https://evil.example/"), page},
		{good("redirect_uri=https://evil.example/callback"), page}, {good("redirect_uri=//evil.example/callback"), page}, {good("redirect_uri=/callback"), page},
		{good("redirect_uri=" + redirect + "/"), page}, {good("redirect_uri=" + redirect + "?x=1"), page}, {good("redirect_uri=" + redirect + "#"), page},
		{good("redirect_uri=" + redirect + "#@evil.example"), page}, {good("redirect_uri=" + redirect + "/../evil"), page}, {good("redirect_uri=" + redirect + "%2f"), page},
		{good("redirect_uri=" + redirect + " "), page}, {good("redirect_uri= " + redirect), page}, {good("redirect_uri=" + redirect + "\r\nX: y"), page},
		{good("redirect_uri=" + redirect + "\x00"), page}, {good("redirect_uri=" + redirect + "\u2028"), page}, {good("redirect_uri=" + redirect + "?query=kept"), page},
		{good("redirect_uri=HTTPS://app.example.com/callback"), page}, {good("redirect_uri=https://APP.EXAMPLE.COM/callback"), page}, {good("redirect_uri=hTTps:app.example.com/callback"), page},
		{good("redirect_uri=https://app.example.com:443/callback"), page}, {good("redirect_uri=https://app.example.com:8443/callback"), page},
		{good("redirect_uri=http://app.example.com/callback"), page}, {good("redirect_uri=https://app.example.com.evil.example/callback"), page},
		{good("redirect_uri=https://app.example.com@evil.example/callback"), page}, {good("redirect_uri=https://evil.example\\@app.example.com/callback"), page},
		{good("redirect_uri=https://evil.example#@app.example.com/callback"), page}, {good("redirect_uri=https://evil.example/?" + redirect), page},
		{good("redirect_uri=https://app\u3002example.com/callback"), page}, {good("redirect_uri=https://аpp.example.com/callback"), page}, {good("redirect_uri=https:/\\app.example.com/callback"), page},
		{good("redirect_uri=javascript:alert(1)"), page}, {good("redirect_uri=JavaScript:alert(1)//" + redirect), page}, {good("redirect_uri=data:text/html,<script>"), page},
		{good("redirect_uri=vbscript:x"), page}, {good("redirect_uri=file:///etc/passwd"), page}, {good("redirect_uri=blob:" + redirect), page}, {good("redirect_uri=urn:ietf:wg:oauth:2.0:oob"), page},
		{good("redirect_uri=com.example.app:/callback/.."), page}, {good("redirect_uri=COM.example.app:/callback"), page}, {good("redirect_uri=com.example.app://callback"), page},
		{good("redirect_uri=com.example_app:/callback"), page}, {good("redirect_uri=http://127.0.0.1:80/callback?code=stolen"), page}, {good("redirect_uri=http://127.0.0.1:80@evil.example/callback"), page},
		{good("redirect_uri=http://127.0.0.1.evil.example/callback"), page}, {good("redirect_uri=http://127.0.0.2/callback"), page}, {good("redirect_uri=http://localhost/callback"), page},
		{good("redirect_uri=http://[::1]/callback"), page}, {good("redirect_uri=https://127.0.0.1/callback"), page}, {good("redirect_uri=http://127.0.0.1:99999/callback"), page},
		{good("redirect_uri=*"), page}, {good("redirect_uri=https://*.example.com/callback"), page}, {good("redirect_uri=null"), page}, {good("redirect_uri=" + long), page},
		{good("+state=again"), page}, {good("state=" + long), page}, {good("state=" + long[:authorization.MaxState+1]), page},
		// What the client is told.
		{good("+response_type=code"), "invalid_request"}, {good("+scope=openid"), "invalid_request"}, {good("+nonce=n-2"), "invalid_request"},
		{good("+code_challenge=" + challenge), "invalid_request"}, {good("+code_challenge_method=S256"), "invalid_request"}, {good("prompt=none", "+prompt=none"), "invalid_request"},
		{good("max_age=1", "+max_age=1"), "invalid_request"}, {good("login_hint=a", "+login_hint=b"), "invalid_request"}, {good("provider=a", "+provider=b"), "invalid_request"},
		{good("id_token_hint=a", "+id_token_hint=b"), "invalid_request"}, {good("response_mode=query", "+response_mode=query"), "invalid_request"},
		{good("-response_type"), "invalid_request"}, {good("response_type="), "invalid_request"}, {good("response_type=token"), "unsupported_response_type"},
		{good("response_type=id_token"), "unsupported_response_type"}, {good("response_type=code token"), "unsupported_response_type"}, {good("response_type=code id_token"), "unsupported_response_type"},
		{good("response_type=none"), "unsupported_response_type"}, {good("response_type=CODE"), "unsupported_response_type"}, {good("response_type=code "), "unsupported_response_type"},
		{good("response_type=code code"), "unsupported_response_type"}, {good("response_type=password"), "unsupported_response_type"}, {good("response_type=" + long), "unsupported_response_type"},
		{good("response_mode=fragment"), "invalid_request"}, {good("response_mode=form_post"), "invalid_request"}, {good("response_mode=web_message"), "invalid_request"},
		{good("response_mode=query.jwt"), "invalid_request"}, {good("response_mode=Query"), "invalid_request"},
		{good("request=eyJhbGciOiJub25lIn0.e30."), "request_not_supported"}, {good("request_uri=https://evil.example/r"), "request_uri_not_supported"},
		{good("request_uri=urn:ietf:params:oauth:request_uri:x"), "request_uri_not_supported"}, {good("registration={}"), "registration_not_supported"},
		{good("-code_challenge"), "invalid_request"}, {good("-code_challenge", "-code_challenge_method"), "invalid_request"}, {good("-code_challenge_method"), "invalid_request"},
		{good("code_challenge_method=plain"), "invalid_request"}, {good("code_challenge_method=s256"), "invalid_request"}, {good("code_challenge_method=S512"), "invalid_request"},
		{good("code_challenge_method=none"), "invalid_request"}, {good("code_challenge="), "invalid_request"}, {good("code_challenge=" + challenge + "="), "invalid_request"},
		{good("code_challenge=" + challenge[1:]), "invalid_request"}, {good("code_challenge=" + challenge + "A"), "invalid_request"}, {good("code_challenge=" + challenge[:42] + "N"), "invalid_request"},
		{good("code_challenge=" + challenge[:20] + "\n" + challenge[20:]), "invalid_request"}, {good("code_challenge=" + strings.Replace(challenge, "-", "+", 1)), "invalid_request"},
		{good("code_challenge=" + plain([]byte("a verifier"))), "invalid_request"}, {good("code_challenge=" + long), "invalid_request"},
		{good("scope=unknown"), "invalid_scope"}, {good("scope= "), "invalid_scope"}, {good("scope=openid  email"), "invalid_scope"}, {good("scope=openid\temail"), "invalid_scope"},
		{good("scope= openid"), "invalid_scope"}, {good("scope=openid "), "invalid_scope"}, {good("scope=openid\n"), "invalid_scope"}, {good("scope=\"openid\""), "invalid_scope"},
		{good("scope=openid\\"), "invalid_scope"}, {good("scope=öpenid"), "invalid_scope"}, {good("scope=OPENID"), "invalid_scope"}, {good("scope=" + long), "invalid_scope"},
		{good("resource=https://other.example.com"), "invalid_target"}, {good("resource=https://api.example.com/"), "invalid_target"}, {good("resource=https://api.example.com#x"), "invalid_target"},
		{good("resource=https://api.example.com", "+resource=https://mcp.example.com/mcp"), "invalid_target"}, {good("resource=https://api.example.com", "+resource=https://api.example.com"), "invalid_target"},
		{good("resource=api"), "invalid_target"}, {good("resource=*"), "invalid_target"}, {good("resource=" + issuer), "invalid_target"}, {good("resource=" + long), "invalid_target"},
		{good("prompt=none login"), "invalid_request"}, {good("prompt=consent none"), "invalid_request"}, {good("prompt=none select_account"), "invalid_request"}, {good("prompt=create"), "invalid_request"},
		{good("prompt=None"), "invalid_request"}, {good("prompt=login  consent"), "invalid_request"}, {good("prompt= "), "invalid_request"}, {good("prompt=" + long), "invalid_request"},
		{good("max_age=-1"), "invalid_request"}, {good("max_age=+1"), "invalid_request"}, {good("max_age=1.5"), "invalid_request"}, {good("max_age=1e3"), "invalid_request"},
		{good("max_age=0x10"), "invalid_request"}, {good("max_age=007"), "invalid_request"}, {good("max_age=99999999999999999999"), "invalid_request"}, {good("max_age=315360001"), "invalid_request"},
		{good("max_age=x"), "invalid_request"}, {good("max_age= 1"), "invalid_request"}, {good("nonce=" + long), "invalid_request"}, {good("nonce=\xff"), "invalid_request"},
		{good("login_hint=" + long), "invalid_request"}, {good("login_hint=\xff\xfe"), "invalid_request"},
	} {
		name := tc.raw
		if len(name) > 300 {
			name = name[:300] + "…"
		}
		r, err := authorization.Check(tc.raw, application())
		var onPage *authorization.PageError
		var told *authorization.Error
		switch {
		case errors.As(err, &onPage):
			if tc.code != page {
				t.Errorf("%s\n: a page (%v), want the error %s at the redirect", name, err, tc.code)
			}
		case errors.As(err, &told):
			if told.Code != tc.code {
				t.Errorf("%s\n: %v, want %s", name, err, tc.code)
			}
			wantAnswer(t, r.AnswerError(issuer, told), redirect, url.Values{
				"error": {tc.code}, "error_description": {told.Description}, "state": {"st&te ="}, "iss": {issuer},
			})
		default:
			t.Errorf("%s\n: error %v, want %s", name, err, tc.code)
		}
	}
}

func wantAnswer(t *testing.T, got, address string, want url.Values) {
	t.Helper()
	u, err := url.Parse(got)
	if err != nil || !strings.HasPrefix(got, address) || u.Fragment != "" {
		t.Fatalf("the answer goes to %s, want %s", got, address)
	}
	members := u.Query()
	if members.Encode() != want.Encode() {
		t.Errorf("the answer says %v, want %v", members, want)
	}
}

func TestAnswerKeepsTheQueryOfTheRedirect(t *testing.T) {
	r, err := authorization.Check(good("redirect_uri=https://app.example.com/with?query=kept"), application())
	if err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, r.AnswerCode(issuer, oauth.NewSecret("a code")), "https://app.example.com/with?query=kept&", url.Values{
		"query": {"kept"}, "code": {"a code"}, "state": {"st&te ="}, "iss": {issuer},
	})
	if r, err = authorization.Check(good("redirect_uri=com.example.app:/callback"), application()); err != nil {
		t.Fatal(err)
	}
	if got := r.AnswerCode(issuer, oauth.NewSecret("c")); !strings.HasPrefix(got, "com.example.app:/callback?code=c&iss=") {
		t.Errorf("the answer goes to %s", got)
	}
}

func TestServicesHaveNobodyToSignIn(t *testing.T) {
	c := application()
	c.Kind = client.Service
	var told *authorization.Error
	if _, err := authorization.Check(good(), c); !errors.As(err, &told) || told.Code != oauth.CodeUnauthorizedClient {
		t.Errorf("a service: %v, want unauthorized_client", err)
	}
}

func TestClientIDIsThereOnce(t *testing.T) {
	if id, err := authorization.ClientID(good()); id != "app" || err != nil {
		t.Errorf("%q, %v", id, err)
	}
	for _, bad := range []string{"", good("-client_id"), good("+client_id=app"), "client_id=%zz"} {
		var onPage *authorization.PageError
		if id, err := authorization.ClientID(bad); !errors.As(err, &onPage) {
			t.Errorf("%s: %q, %v; want an error for a page", bad, id, err)
		}
	}
}

func FuzzCheck(f *testing.F) {
	c := application()
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := authorization.Check(raw, c)
		var onPage *authorization.PageError
		if errors.As(err, &onPage) {
			return
		}
		// Whatever else is wrong, the answer goes to a registered address with the client's own state.
		if !c.MayRedirectTo(r.Redirect) {
			t.Errorf("%q: %v would be told to %q", raw, err, r.Redirect)
		}
		if err == nil && (len(r.Challenge) != 43 || len(r.Scopes) == 0) {
			t.Errorf("%q: taken as %+v", raw, r)
		}
		if query, err := url.ParseQuery(raw); err != nil || !slices.Contains(query["state"], r.State) && r.State != "" {
			t.Errorf("%q: state %q", raw, r.State)
		}
	})
}

func TestAfterLoginNothingAsksForAnother(t *testing.T) {
	raw := good("prompt=login consent", "max_age=0", "resource=https://api.example.com", "ui_locales=de", "+vendor=1", "provider=google")
	before, err := authorization.Check(raw, application())
	if err != nil {
		t.Fatal(err)
	}
	after, err := authorization.Check(authorization.AfterLogin(raw), application())
	if err != nil {
		t.Fatal(err)
	}
	before.Prompt, before.MaxAge = authorization.Prompt{Consent: true}, nil
	if !reflect.DeepEqual(after, before) {
		t.Errorf("got  %+v\nwant %+v", after, before)
	}
	if text := authorization.AfterLogin(good("prompt=select_account", "+vendor=1")); strings.Contains(text, "prompt") || strings.Contains(text, "vendor") {
		t.Errorf("%s still has a prompt, or what nobody knows", text)
	}
}
