package check

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/verdict"
)

// The rows of each judge that no planted fault of the bad server reaches.
func TestCookiesAreJudged(t *testing.T) {
	here := &evidence{secure: true, host: "id.example.com"}
	laptop := &evidence{loopback: true, host: "localhost"}
	for name, c := range map[string]struct {
		got  verdict.Outcome
		want verdict.Verdict
	}{
		"not Secure on a laptop":       {cookieIsSecure(laptop, &http.Cookie{}), verdict.Warn},
		"not Secure by http elsewhere": {cookieIsSecure(&evidence{host: "id.example.com"}, &http.Cookie{}), verdict.Fail},
		"no SameSite":                  {cookieIsSameSite(here, &http.Cookie{}), verdict.Warn},
		"__Host- with a path":          {cookieHasPrefix(here, &http.Cookie{Name: "__Host-a", Path: "/a", Secure: true}), verdict.Fail},
		"__Host- with a domain":        {cookieHasPrefix(here, &http.Cookie{Name: "__Host-a", Path: "/", Domain: "example.com", Secure: true}), verdict.Fail},
		"__Secure- without Secure":     {cookieHasPrefix(here, &http.Cookie{Name: "__Secure-a"}), verdict.Fail},
		"__Secure- of one host":        {cookieHasPrefix(here, &http.Cookie{Name: "__Secure-a", Secure: true}), verdict.Warn},
		"no prefix by http":            {cookieHasPrefix(laptop, &http.Cookie{Name: "a"}), verdict.Warn},
		"a Domain of this host":        {cookieHasScope(here, &http.Cookie{Domain: ".id.example.com"}), verdict.Warn},
		"a Domain of all":              {cookieHasScope(here, &http.Cookie{Domain: "com"}), verdict.Fail},
		"half a year":                  {cookieLifetime(here, &http.Cookie{MaxAge: 180 * 86400}), verdict.Warn},
		"half a year by its date":      {cookieLifetime(here, &http.Cookie{Expires: time.Now().Add(180 * 24 * time.Hour)}), verdict.Warn},
		"until the browser is closed":  {cookieLifetime(here, &http.Cookie{}), verdict.Pass},
		"nearly too large":             {cookieSize(here, &http.Cookie{Value: strings.Repeat("x", 4000)}), verdict.Warn},
		"a random UUID":                {cookieEntropy(here, &http.Cookie{Value: "4b8b2f0e-1c5d-4a57-9e0b-6d0f5b0a7c31"}), verdict.Pass},
		"a number":                     {cookieEntropy(here, &http.Cookie{Value: "12345678901234567890"}), verdict.Fail},
	} {
		if c.got.Verdict != c.want {
			t.Errorf("%s: %s: %s, want %s", name, c.got.Verdict, c.got.Detail, c.want)
		}
	}
}

func TestWhatIsPublishedIsJudged(t *testing.T) {
	with := func(name, value string) http.Header { h := http.Header{}; h.Set(name, value); return h }
	hsts := func(value string) verdict.Outcome {
		return hasHSTS(&evidence{secure: true, home: answer{header: with("Strict-Transport-Security", value)}})
	}
	metadata := document{"issuer": "https://id.example.com"}
	for name, c := range map[string]struct {
		got  verdict.Outcome
		want verdict.Verdict
	}{
		"http on a laptop":          {usesTLS(&evidence{loopback: true}), verdict.Warn},
		"http":                      {usesTLS(&evidence{}), verdict.Fail},
		"HSTS of a month":           {hsts("max-age=2592000; includeSubDomains"), verdict.Warn},
		"HSTS of one host":          {hsts("max-age=63072000"), verdict.Warn},
		"HSTS that is taken back":   {hsts("max-age=0"), verdict.Fail},
		"no issuer":                 {issuerIsHere(&evidence{}, document{}), verdict.Fail},
		"issuers that differ":       {documentsAgree(&evidence{oauth: metadata, openID: document{"issuer": "https://other.example"}}), verdict.Fail},
		"no S256":                   {pkceIsOffered(nil, document{"authorization_endpoint": "https://id.example.com/authorize"}), verdict.Warn},
		"a key without alg":         {keyAlgorithm(map[string]any{"kty": "EC"}), verdict.Warn},
		"a key for encryption":      {keyAlgorithm(map[string]any{"kty": "RSA", "use": "enc", "alg": "RSA-OAEP"}), verdict.Pass},
		"a key for RSA1_5":          {keyAlgorithm(map[string]any{"kty": "RSA", "alg": "RSA1_5"}), verdict.Fail},
		"a curve that is not known": {keySize(map[string]any{"kty": "EC", "crv": "P-192"}), verdict.Warn},
		"RSA of 2047 bits":          {keySize(map[string]any{"kty": "RSA", "n": "f" + strings.Repeat("_", 341)}), verdict.Fail},
		"a key without kid":         {keyIDs(&evidence{keys: &keySet{[]map[string]any{{"kty": "EC"}}}}), verdict.Warn},
		"private answers":           {cached(with("Cache-Control", "private")), verdict.Warn},
		"shared caches":             {cached(with("Cache-Control", "s-maxage=5")), verdict.Fail},
		"kept for a minute":         {cached(with("Cache-Control", "max-age=60")), verdict.Fail},
		"nothing said":              {cached(http.Header{}), verdict.Warn},
	} {
		if c.got.Verdict != c.want {
			t.Errorf("%s: %s: %s, want %s", name, c.got.Verdict, c.got.Detail, c.want)
		}
	}
}

func TestSessionsAreJudged(t *testing.T) {
	now, yes, minute := time.Now(), true, time.Minute
	lax, none := &http.Cookie{Name: "a", SameSite: http.SameSiteLaxMode}, &http.Cookie{Name: "a", SameSite: http.SameSiteNoneMode}
	origin := func(allowed string) verdict.Outcome {
		h := http.Header{}
		h.Set("Access-Control-Allow-Origin", allowed)
		return originsAreRefused(&evidence{origins: map[string]answer{foreign: {header: h}}})
	}
	everybody := answer{header: http.Header{"Access-Control-Allow-Origin": {"*"}, "Access-Control-Allow-Credentials": {"true"}}}
	csrf := byOtherSite("takes it", func(e *evidence) *bool { return e.loginByPage })
	token := func(alg string, life time.Duration) accessToken {
		return accessToken{header: document{"alg": alg}, claims: document{"exp": float64(now.Add(life).Unix())}, seen: now}
	}
	short := token("ES256", 10*minute)
	for name, c := range map[string]struct {
		got  verdict.Outcome
		want verdict.Verdict
	}{
		"a login with tokens that may be kept":   {loginIsNotCached(&evidence{login: &answer{}, access: &short}), verdict.Fail},
		"a login without tokens":                 {loginIsNotCached(&evidence{login: &answer{}}), verdict.Warn},
		"every origin, with cookies":             {originsAreRefused(&evidence{origins: map[string]answer{foreign: everybody}}), verdict.Fail},
		"every origin, without cookies":          {origin("*"), verdict.Warn},
		"only SameSite keeps other sites away":   {csrf(&evidence{loginByPage: &yes, session: []cookie{lax}}), verdict.Warn},
		"nothing keeps other sites away":         {csrf(&evidence{loginByPage: &yes, session: []cookie{none}}), verdict.Fail},
		"a link that logs out":                   {followingLinks(&evidence{logout: &loggedOut{byGET: &yes}, session: []cookie{lax}}), verdict.Fail},
		"HS256":                                  {tokenAlgorithm(nil, token("HS256", minute)), verdict.Warn},
		"an algorithm of nobody":                 {tokenAlgorithm(nil, token("XX99", minute)), verdict.Fail},
		"a life of two hours, without iat":       {tokenLife(nil, token("ES256", 2*time.Hour)), verdict.Warn},
		"5 KB":                                   {tokenSize(nil, accessToken{size: 5 << 10}), verdict.Warn},
		"an audience that is an empty list":      {tokenAudience(nil, accessToken{claims: document{"aud": []any{}}}), verdict.Fail},
		"a grace of three minutes":               {graceIsShort(refreshed{rotates: true, refused: true, answered: 3 * minute}), verdict.Warn},
		"a token that dies soon anyway":          {logoutEndsToken(&evidence{access: &short}, loggedOut{tokenFor: &minute, tokenLives: true}), verdict.Warn},
		"an opaque token that goes on":           {logoutEndsToken(&evidence{access: &accessToken{opaque: true}}, loggedOut{tokenFor: &minute, tokenLives: true}), verdict.Fail},
		"a refresh that is refused":              {ofRefresh(refreshRotates)(&evidence{refresh: &refreshed{}}), verdict.NotChecked},
		"no cookie, so nothing for another site": {csrf(&evidence{login: &answer{}, loginByPage: &yes}), verdict.NotChecked},
	} {
		if c.got.Verdict != c.want {
			t.Errorf("%s: %s: %s, want %s", name, c.got.Verdict, c.got.Detail, c.want)
		}
	}
}

func TestPersonalDataIsSeenInObjectsToo(t *testing.T) {
	got := accessToken{claims: document{"sub": "1", "email": "a@example.com", "user": map[string]any{"name": "Ada", "id": 1.0}}}.aboutPeople()
	if want := []string{"email", "user.name"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
