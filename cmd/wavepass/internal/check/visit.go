package check

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// maxAnswer is how much of an answer is read.
const maxAnswer = 256 << 10

// errBudget says that as many requests were sent as were allowed.
var errBudget = errors.New("the budget of requests is used up")

// request is one to the service.
type request struct {
	method, path string
	as           string            // "json", "form", or empty without a body
	fields       map[string]string // of the body
	cookies      map[string]string
	bearer       string
	header       map[string]string
}

// answer is what came back.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	cookies []*http.Cookie
	tls     *tls.ConnectionState
}

func (a answer) ok() bool { return a.status >= 200 && a.status < 400 }

// member returns a text of the answer's JSON object, or an empty one.
func (a answer) member(name string) string {
	var object map[string]any
	if name == "" || json.Unmarshal(a.body, &object) != nil {
		return ""
	}
	text, _ := object[name].(string)
	return text
}

// send makes a request. The path is always below the base address, so no answer can lead it to another host.
func (v *visitor) send(ctx context.Context, r request) (answer, error) {
	if v.sent >= v.budget {
		return answer{}, errBudget
	}
	if v.sent > 0 {
		if err := sleep(ctx, v.pause); err != nil {
			return answer{}, err
		}
	}
	v.sent++
	made, err := v.make(ctx, r)
	if err != nil {
		return answer{}, err
	}
	response, err := v.http.Do(made)
	if err != nil {
		return answer{}, withoutQuery(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return answer{}, err
	}
	return answer{response.StatusCode, response.Header, body, response.Cookies(), response.TLS}, nil
}

func (v *visitor) make(ctx context.Context, r request) (*http.Request, error) {
	var body io.Reader
	switch r.as {
	case "json":
		text, err := json.Marshal(r.fields)
		if err != nil {
			return nil, err
		}
		body = strings.NewReader(string(text))
	case "form":
		values := url.Values{}
		for name, value := range r.fields {
			values.Set(name, value)
		}
		body = strings.NewReader(values.Encode())
	}
	made, err := http.NewRequestWithContext(ctx, r.method, v.base.String()+r.path, body)
	if err != nil {
		return nil, err
	}
	made.Header.Set("User-Agent", v.agent)
	made.Header.Set("Sec-Fetch-Site", "same-origin") // as pages of the service itself do
	switch r.as {
	case "json":
		made.Header.Set("Content-Type", "application/json")
	case "form":
		made.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if r.method != http.MethodGet {
		made.Header.Set("Origin", v.origin())
	}
	if r.bearer != "" {
		made.Header.Set("Authorization", "Bearer "+r.bearer)
	}
	for _, name := range slices.Sorted(maps.Keys(r.cookies)) {
		made.AddCookie(&http.Cookie{Name: name, Value: r.cookies[name], Quoted: false})
	}
	for name, value := range r.header {
		made.Header.Set(name, value)
	}
	return made, nil
}

// withoutQuery drops the address from an error of net/http, which would repeat what was sent.
func withoutQuery(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// acceptsOldTLS reports whether the host speaks TLS 1.1 or older.
func (v *visitor) acceptsOldTLS(ctx context.Context) (bool, error) {
	if v.sent >= v.budget {
		return false, errBudget
	}
	v.sent++
	config := v.tls.Clone()
	if config == nil {
		config = &tls.Config{}
	}
	config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	config.ServerName = v.base.Hostname()
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	port := v.base.Port()
	if port == "" {
		port = "443"
	}
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", net.JoinHostPort(v.base.Hostname(), port))
	if err != nil {
		return false, ctx.Err() // a refusal is what a good host answers
	}
	return true, conn.Close()
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// signedIn is a session of the test account as its browser or application keeps it.
type signedIn struct {
	cookies map[string]string
	access  oauth.Secret
	refresh oauth.Secret // empty when it travels in a cookie
}

// kept returns the session with what an answer has changed of it.
func (s signedIn) kept(a answer, of Service) signedIn {
	next := signedIn{cookies: maps.Clone(s.cookies), access: s.access, refresh: s.refresh}
	if next.cookies == nil {
		next.cookies = map[string]string{}
	}
	for _, c := range a.cookies {
		if c.MaxAge < 0 || c.Value == "" || !c.Expires.IsZero() && c.Expires.Before(time.Now()) {
			delete(next.cookies, c.Name)
			continue
		}
		next.cookies[c.Name] = c.Value
	}
	if text := a.member(of.AccessToken); text != "" {
		next.access = oauth.NewSecret(text)
	}
	if text := a.member(of.RefreshToken); text != "" {
		next.refresh = oauth.NewSecret(text)
	}
	return next
}
