package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const (
	directory = "shop" // as it is registered in clients.yaml
	tries     = 3
	maxAnswer = 256 << 10
	oneTry    = 5 * time.Second
	maxWait   = 5 * time.Second // longer than that no person waits for a page
)

// wavepass begins and ends the sessions of the shop's users, and says whose an access token is.
type wavepass struct {
	url        string
	id, secret string       // of the shop, as a service
	plain      *http.Client // authenticates by nothing
	asShop     *http.Client // has the shop's own access token, which it gets once in its life
	pause      time.Duration
}

func newWavepass(address, id, secret string) *wavepass {
	plain := &http.Client{Timeout: oneTry}
	// Without AuthStyle the library would try both, and without a client of its own it would wait for ever.
	credentials := clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: address + "/token", AuthStyle: oauth2.AuthStyleInHeader}
	asShop := credentials.Client(context.WithValue(context.Background(), oauth2.HTTPClient, plain))
	asShop.Timeout = 2 * oneTry // it may get a token first
	return &wavepass{address, id, secret, plain, asShop, 300 * time.Millisecond}
}

// begun is what a session begins with: tokens for a native app, cookies for a browser.
type begun struct {
	AccessToken  string   `json:"access_token"`
	TokenType    string   `json:"token_type"`
	ExpiresIn    int      `json:"expires_in"`
	RefreshToken string   `json:"refresh_token,omitempty"`
	Scope        string   `json:"scope,omitempty"`
	Cookies      []string `json:"cookies,omitempty"`
}

// begin begins a session of a user whom the shop has let in. The shop makes the key, and not the browser. A lost answer is asked for again with
// the same key, so one login begins one session.
func (w *wavepass) begin(ctx context.Context, u user, client, device string) (got begun, err error) {
	roles := []string{}
	if u.Role != "" {
		roles = append(roles, u.Role)
	}
	err = w.call(ctx, http.MethodPost, subjectPath(u.ID)+"/sessions", rand.Text(), map[string]any{
		"client_id": client, "amr": []string{"pwd"}, "device_name": device, "roles": roles, "scopes": []string{scopeOrders},
	}, &got)
	return got, err
}

// device is a session of a user, as Wavepass lists it.
type device struct {
	ID         string `json:"id"`
	Client     string `json:"client_id"`
	Device     string `json:"device,omitempty"`
	LastUsedAt int64  `json:"last_used_at"` // seconds since 1970
	Current    bool   `json:"current"`
}

// sessions returns the newest sessions of a user.
func (w *wavepass) sessions(ctx context.Context, user int64) ([]device, error) {
	var list struct {
		Sessions []device `json:"sessions"`
	}
	err := w.call(ctx, http.MethodGet, subjectPath(user)+"/sessions?limit=50", "", nil, &list)
	return list.Sessions, unlessNone(err)
}

// end ends one session of a user.
func (w *wavepass) end(ctx context.Context, user int64, session string) error {
	return unlessNone(w.call(ctx, http.MethodDelete, subjectPath(user)+"/sessions/"+url.PathEscape(session), "", nil, nil))
}

// endAll ends all sessions of a user, also one that is beginning.
func (w *wavepass) endAll(ctx context.Context, user int64) error {
	return unlessNone(w.call(ctx, http.MethodDelete, subjectPath(user)+"/sessions", "", nil, nil))
}

// disable ends all sessions of a user, and lets none begin.
func (w *wavepass) disable(ctx context.Context, user int64) error {
	return unlessNone(w.call(ctx, http.MethodPatch, subjectPath(user), "", map[string]any{"disabled": true}, nil))
}

func subjectPath(user int64) string { return "/subjects/" + strconv.FormatInt(user, 10) }

// refusal is an answer that repeating the request does not change.
type refusal struct {
	status int
	code   string
}

func (r *refusal) Error() string { return fmt.Sprintf("wavepass: %d %s", r.status, r.code) }

// isRefusal reports whether err is a refusal with the status.
func isRefusal(err error, status int) bool {
	var refused *refusal
	return errors.As(err, &refused) && refused.status == status
}

// unlessNone takes an error for none that says that there is no such session, or that no session was ever begun for the user.
func unlessNone(err error) error {
	if isRefusal(err, http.StatusNotFound) {
		return nil
	}
	return err
}

// uncertain says that nobody knows whether a request was carried out, and when it may be repeated.
type uncertain struct {
	status int
	after  time.Duration
}

func (u *uncertain) Error() string { return fmt.Sprintf("wavepass: %d, to be repeated", u.status) }

// call sends a request until its answer is certain. Each request here may be repeated.
func (w *wavepass) call(ctx context.Context, method, path, key string, body, answer any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	for n := 1; ; n++ {
		err := w.once(ctx, method, path, key, text, answer)
		var refused *refusal
		var later *uncertain
		wait := w.pause << n
		if errors.As(err, &later) {
			wait = max(wait, later.after)
		}
		if err == nil || errors.As(err, &refused) || n == tries || wait > maxWait {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

func (w *wavepass) once(ctx context.Context, method, path, key string, body []byte, answer any) error {
	r, err := http.NewRequestWithContext(ctx, method, w.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	return answerTo(w.asShop, r, answer)
}

// answerTo sends a request, and reads its answer as JSON.
func answerTo(client *http.Client, r *http.Request, answer any) error {
	got, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("wavepass: no answer: %w", err)
	}
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(got.Body, maxAnswer))
	switch {
	case err != nil:
		return fmt.Errorf("wavepass: half an answer: %w", err)
	case got.StatusCode >= 500 || got.StatusCode == http.StatusTooManyRequests:
		seconds, _ := strconv.Atoi(got.Header.Get("Retry-After"))
		return &uncertain{got.StatusCode, time.Duration(seconds) * time.Second}
	case got.StatusCode >= 400:
		var said struct {
			Error string `json:"error"`
		}
		_ = json.Unmarshal(text, &said) // a gateway's refusal has none
		return &refusal{got.StatusCode, said.Error}
	case answer == nil:
		return nil
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("wavepass: the answer is no JSON: %w", err)
	}
	return nil
}

// caller is who has sent a request: a user of this shop, in one of their sessions.
type caller struct {
	user    int64
	session string
}

// callerOf asks Wavepass whose an access token is, now. ok is false for everybody who is no user of this shop with the right to read orders.
func (w *wavepass) callerOf(ctx context.Context, token string) (c caller, ok bool, err error) {
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+"/introspect", strings.NewReader(form.Encode()))
	if err != nil {
		return caller{}, false, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(w.id), url.QueryEscape(w.secret)) // RFC 6749 §2.3.1
	var said struct {
		Active     bool   `json:"active"`
		TokenType  string `json:"token_type"`
		ExternalID string `json:"external_id"`
		Session    string `json:"sid"`
		Scope      string `json:"scope"`
	}
	if err := answerTo(w.plain, r, &said); err != nil {
		return caller{}, false, err
	}
	of, id, _ := strings.Cut(said.ExternalID, "/")
	user, notOurs := strconv.ParseInt(id, 10, 64)
	ok = said.Active && said.TokenType == "Bearer" && of == directory && notOurs == nil && slices.Contains(strings.Fields(said.Scope), scopeOrders)
	return caller{user, said.Session}, ok, nil
}
