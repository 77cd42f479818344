// Package check looks at a service that keeps people signed in, as somebody does who reviews its sessions: at cookies, headers,
// keys, tokens, and at what becomes of them when they are refreshed and when a person logs out. The service need not be
// Wavepass. It works from outside alone, by HTTP.
//
// A review has two steps. The walk (walk.go) makes the requests and keeps what it saw. Then each check of the table (table.go)
// judges what was seen, and sends nothing.
package check

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/verdict"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// Report is the outcome of a review.
type Report struct {
	URL      string           `json:"url"`
	Began    time.Time        `json:"began"`
	Tool     string           `json:"tool"`
	Requests int              `json:"requests"`
	Findings verdict.Findings `json:"findings"`
	Notes    []string         `json:"notes"` // what the reader should know of how it went
}

// Config says what to look at.
type Config struct {
	URL      string  // of the service: scheme and host, and perhaps a path that all of its routes begin with
	Service  Service // how people log in; the zero value: as to Wavepass, if it is one
	Client   string  // of Wavepass: the client to log in with
	Username string
	Password oauth.Secret // the zero value: nobody logs in
	Version  string       // of this program, for the User-Agent

	LogOut   bool          // whether sessions of the test account may be ended
	Budget   int           // how many requests may be sent
	Pause    time.Duration // between two requests
	Timeout  time.Duration // of one request
	Young    time.Duration // how old a refresh token may have to be before it is replaced
	Patience time.Duration // how long to try a refresh token that was replaced
	Bound    time.Duration // how long an access token may be accepted after the logout
	TLS      *tls.Config   // nil: the certificates that this machine trusts
}

// ErrUnusable says that nothing can be checked: the address is wrong, or nobody answers there.
var ErrUnusable = errors.New("check: nothing can be checked")

// Run reviews the service. It sends requests to the given host alone, and one at a time.
func Run(ctx context.Context, c Config) (Report, error) {
	v, err := newVisitor(c)
	if err != nil {
		return Report{}, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	report := Report{URL: c.URL, Began: time.Now().UTC().Truncate(time.Second), Tool: v.agent}
	e, err := walk(ctx, v, c)
	if err != nil {
		return Report{}, err
	}
	for _, one := range table {
		report.Findings = append(report.Findings, verdict.Finding{ID: one.id, Title: one.title, Outcome: one.run(e), ASVS: one.asvs, Why: one.why, Mend: one.mend})
	}
	report.Requests, report.Notes = v.sent, e.notes
	return report, nil
}

// visitor sends requests to one host, as many as its budget allows.
type visitor struct {
	base    *url.URL
	http    *http.Client
	agent   string
	budget  int
	sent    int
	pause   time.Duration
	timeout time.Duration
	tls     *tls.Config
}

func newVisitor(c Config) (*visitor, error) {
	base, err := url.Parse(strings.TrimSuffix(c.URL, "/"))
	switch {
	case err != nil || base.Hostname() == "" || base.Scheme != "http" && base.Scheme != "https":
		return nil, fmt.Errorf("%q: want an address like https://id.example.com", c.URL)
	case base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, errors.New("the address has more than scheme, host and path")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = c.TLS.Clone()
	return &visitor{
		base:   base,
		budget: c.Budget, pause: c.Pause, timeout: c.Timeout, tls: c.TLS,
		agent: "wavepass-check/" + c.Version + " (a review of sessions; https://github.com/wavepass/wavepass)",
		http: &http.Client{
			Transport: transport, Timeout: c.Timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // it may lead to another host
		},
	}, nil
}

// origin is that of pages of the service itself.
func (v *visitor) origin() string { return v.base.Scheme + "://" + v.base.Host }

func (v *visitor) secure() bool { return v.base.Scheme == "https" }
