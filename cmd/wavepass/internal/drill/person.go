package drill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	requestTime = 10 * time.Second
	maxAnswer   = 64 << 10 // bytes

	// recoveryTime is longer than issuing functions go on using a signing key that was revoked.
	recoveryTime = 2 * time.Minute
	busyTries    = 5 // how often a request is sent that is answered with "come back later"
)

// person is the owner of the test account.
type person struct {
	Config
	http *http.Client
}

// tokens are what a login has given. A site has a session handle in their place, which is refresh, and the cookie with it.
type tokens struct{ access, refresh, cookie oauth.Secret }

func (t tokens) ofSite() bool { return !t.cookie.IsZero() }

// identify adds to a request what says who sends it. A page of the service's own sends the cookie of a site.
func (t tokens) identify(r *http.Request, own string) {
	switch {
	case t.ofSite():
		r.Header.Set("Cookie", t.cookie.Reveal())
		r.Header.Set("Origin", own)
	case !t.access.IsZero():
		r.Header.Set("Authorization", "Bearer "+t.access.Reveal())
	}
}

// newClient returns a client with connections of its own.
func newClient() *http.Client {
	return &http.Client{
		Timeout:       requestTime,
		Transport:     http.DefaultTransport.(*http.Transport).Clone(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type answer struct {
	status       int
	AccessToken  oauth.Secret `json:"access_token"`
	RefreshToken oauth.Secret `json:"refresh_token"`
	CSRFToken    oauth.Secret `json:"csrf_token"` // of a site
	cookie       oauth.Secret // "name=value" of the one with a session handle
	Error        string       `json:"error"`
	Description  string       `json:"error_description"`
}

func (a answer) err() error {
	if a.Error == "" {
		return fmt.Errorf("status %d", a.status)
	}
	return fmt.Errorf("status %d: %s: %s", a.status, a.Error, a.Description)
}

// send repeats a request that the deployment throttles, because that is not a failure of the deployment.
func (p person) send(ctx context.Context, method, path, contentType, body string, who tokens) (answer, error) {
	for try := 1; ; try++ {
		a, wait, err := p.sendOnce(ctx, method, path, contentType, body, who)
		if err != nil || wait == 0 || try == busyTries {
			return a, err
		}
		if err := sleep(ctx, wait); err != nil {
			return answer{}, err
		}
	}
}

func (p person) sendOnce(ctx context.Context, method, path, contentType, body string, who tokens) (answer, time.Duration, error) {
	request, err := http.NewRequestWithContext(ctx, method, p.URL+path, strings.NewReader(body))
	if err != nil {
		return answer{}, 0, err
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	request.Header.Set("Origin", p.URL)
	who.identify(request, p.URL)
	response, err := p.http.Do(request)
	if err != nil {
		return answer{}, 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return answer{}, 0, err
	}
	a := answer{status: response.StatusCode}
	_ = json.Unmarshal(text, &a) // an answer that is not Wavepass's has no such members
	for _, cookie := range response.Cookies() {
		if strings.Contains(cookie.Name, "-wpss-") {
			a.cookie = oauth.NewSecret(cookie.Name + "=" + cookie.Value)
		}
	}
	var wait time.Duration
	if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable {
		wait = time.Second
		if seconds, err := time.ParseDuration(response.Header.Get("Retry-After") + "s"); err == nil {
			wait = min(max(seconds, wait), requestTime)
		}
	}
	return a, wait, nil
}

func (p person) sendJSON(ctx context.Context, path string, body map[string]any) (answer, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return answer{}, err
	}
	return p.send(ctx, http.MethodPost, path, "application/json", string(text), tokens{})
}

func (p person) sendForm(ctx context.Context, path string, values url.Values) (answer, error) {
	return p.send(ctx, http.MethodPost, path, "application/x-www-form-urlencoded", values.Encode(), tokens{})
}

func (p person) login(ctx context.Context) (tokens, error) {
	a, err := p.sendJSON(ctx, "/login", map[string]any{
		"client_id": p.ClientID, "username": p.Username, "password": p.Password.Reveal(), "device_name": "wavepass drill",
	})
	switch {
	case err != nil:
		return tokens{}, err
	case a.Error == "cross_site_request":
		return tokens{}, fmt.Errorf("%w: the client must be a native one, or a site, and the address the issuer's", a.err())
	case a.status != http.StatusOK:
		return tokens{}, a.err()
	case !a.CSRFToken.IsZero() && !a.cookie.IsZero():
		_, handle, _ := strings.Cut(a.cookie.Reveal(), "=")
		return tokens{refresh: oauth.NewSecret(handle), cookie: a.cookie}, nil
	case a.AccessToken.IsZero() || a.RefreshToken.IsZero():
		return tokens{}, errors.New("the answer has no tokens: the client must be a native one, or a site")
	}
	return tokens{access: a.AccessToken, refresh: a.RefreshToken}, nil
}

func (p person) revoke(ctx context.Context, token oauth.Secret) error {
	return done(p.sendForm(ctx, "/revoke", url.Values{"client_id": {p.ClientID}, "token": {token.Reveal()}}))
}

func (p person) logoutEverywhere(ctx context.Context, t tokens) error {
	body := map[string]any{"client_id": p.ClientID, "everywhere": true}
	if !t.ofSite() {
		body["refresh_token"] = t.refresh.Reveal()
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return done(p.send(ctx, http.MethodPost, "/logout", "application/json", string(text), t))
}

func (p person) endOtherSessions(ctx context.Context, t tokens) error {
	path := "/sessions?except=current"
	if t.ofSite() {
		path = "/site" + path
	}
	return done(p.send(ctx, http.MethodDelete, path, "", "", t))
}

// isIn reports whether the protected route lets the tokens in.
func (p person) isIn(ctx context.Context, t tokens) (bool, error) {
	a, err := p.send(ctx, http.MethodGet, p.Route, "", "", t)
	return a.status == http.StatusOK, err
}

func done(a answer, err error) error {
	if err == nil && a.status != http.StatusOK {
		err = a.err()
	}
	return err
}

// refresh returns the new tokens, and whether the refresh token was accepted.
func (p person) refresh(ctx context.Context, refresh oauth.Secret) (next tokens, accepted bool, err error) {
	a, err := p.sendForm(ctx, "/refresh", url.Values{
		"client_id": {p.ClientID}, "grant_type": {oauth.GrantRefreshToken}, "refresh_token": {refresh.Reveal()},
	})
	switch {
	case err != nil:
		return tokens{}, false, err
	case a.status == http.StatusOK:
		return tokens{access: a.AccessToken, refresh: a.RefreshToken}, true, nil
	case a.status == http.StatusBadRequest && a.Error == oauth.CodeInvalidGrant:
		return tokens{}, false, nil
	}
	return tokens{}, false, a.err()
}

// refreshUntilAccepted refreshes until the access token is accepted, as a client does after a refusal.
func (p person) refreshUntilAccepted(ctx context.Context, t tokens) error {
	deadline := time.Now().Add(recoveryTime)
	for {
		a, err := p.send(ctx, http.MethodGet, p.Route, "", "", t)
		switch {
		case err != nil:
			return err
		case a.status == http.StatusOK:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("refreshed access tokens are still refused after %s", recoveryTime)
		}
		if err := sleep(ctx, p.Pace); err != nil {
			return err
		}
		next, accepted, err := p.refresh(ctx, t.refresh)
		switch {
		case err != nil:
			return err
		case !accepted:
			return errors.New("a refreshed session was ended")
		}
		t = next
	}
}
