package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	attempt  = 10 * time.Second // how long one request may take
	patience = 40 * time.Second // how long a request is repeated: less than the minute in which a refresh may be
	largest  = 1 << 20          // bytes of an answer
)

// service is Wavepass, as one client sees it.
type service struct {
	url, client string
	http        *http.Client
	wait        func(context.Context, time.Duration) error
}

func newService(address, client string) (*service, error) {
	base, err := origin(address)
	if err != nil {
		return nil, usageError("--service: " + err.Error())
	}
	if client == "" || len(client) > 128 {
		return nil, usageError("--client: 1 to 128 characters")
	}
	return &service{base, client, &http.Client{
		Timeout: attempt,
		// A redirect would take tokens along to an address that nobody named.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, sleep}, nil
}

// origin is an address without its path: https, or http on this machine.
func origin(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q is not an address like https://auth.example.com", address)
	}
	host := u.Hostname()
	local := host == "localhost" || net.ParseIP(host).IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return "", fmt.Errorf("%q has to be https: tokens would be readable on the way", address)
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// An answer is what the service, its gateway or an API said.
type answer struct {
	status int
	wait   time.Duration // Retry-After
	body   []byte
}

// refusal has the members of an error of Wavepass. The gateway's own refusals have none of them.
type refusal struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Reason      string `json:"reason"`
}

func (a answer) refusal() (r refusal) {
	_ = json.Unmarshal(a.body, &r) // not JSON: no members
	return r
}

func (a answer) code() string {
	if a.status < 400 {
		return ""
	}
	return a.refusal().Error
}

// post sends JSON. An error means that the answer was lost: the request may have been carried out.
func (s *service) post(ctx context.Context, path string, body any) (answer, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return answer{}, err
	}
	return s.do(ctx, http.MethodPost, s.url+path, "", text)
}

func (s *service) do(ctx context.Context, method, target, token string, body []byte) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return answer{}, usageError(err.Error())
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := s.http.Do(request)
	if err != nil {
		return answer{}, fmt.Errorf("no answer from %s: %w", s.url, bare(err))
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, largest+1))
	if err != nil {
		return answer{}, fmt.Errorf("half an answer from %s: %w", s.url, err)
	}
	if len(text) > largest {
		return answer{}, fmt.Errorf("the answer is longer than %d bytes", largest)
	}
	seconds, _ := strconv.Atoi(response.Header.Get("Retry-After")) // a date, or nothing: 0
	return answer{response.StatusCode, time.Duration(max(seconds, 0)) * time.Second, text}, nil
}

// bare is an error of http.Client without the address, which may have come with a query.
func bare(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// patiently repeats a request that may be sent twice, as long as its answer is lost or the service says that it is busy.
func (s *service) patiently(ctx context.Context, send func() (answer, error)) (answer, error) {
	var spent time.Duration
	for backoff := 500 * time.Millisecond; ; backoff = min(2*backoff, 8*time.Second) {
		begun := time.Now()
		a, err := send()
		spent += time.Since(begun)
		busy := err == nil && (a.status >= 500 || a.status == http.StatusTooManyRequests)
		if ctx.Err() != nil {
			return answer{}, fmt.Errorf("interrupted: %w", ctx.Err())
		}
		if err == nil && !busy {
			return a, nil
		}
		pause := max(a.wait, backoff/2+rand.N(backoff/2)) // apart from other processes
		if spent += pause; spent > patience {
			if busy {
				err = errors.New(inWords(a))
			}
			return answer{}, err
		}
		if err := s.wait(ctx, pause); err != nil {
			return answer{}, fmt.Errorf("interrupted: %w", err)
		}
	}
}

// send sends a request with an access token by do. When the token is refused, whatever the reason, it tries once more with a new one. A gateway
// answers 403 for an expired token as for a policy that refuses, so a 403 of the policy costs one refresh.
func (s *session) send(ctx context.Context, do func(token string) (answer, error)) (answer, error) {
	token, err := s.token(ctx, "")
	if err != nil {
		return answer{}, err
	}
	first, err := do(token)
	if err != nil || first.status != http.StatusUnauthorized && first.status != http.StatusForbidden {
		return first, err
	}
	token, err = s.token(ctx, token)
	if err != nil {
		return answer{}, err
	}
	return do(token)
}

// authorized asks Wavepass something about the person, which may be repeated, and decodes its answer.
func (s *session) authorized(ctx context.Context, method, path string, out any) error {
	a, err := s.send(ctx, func(token string) (answer, error) {
		return s.patiently(ctx, func() (answer, error) { return s.do(ctx, method, s.url+path, token, nil) })
	})
	switch {
	case err != nil:
		return err
	case a.status != http.StatusOK:
		return errors.New(inWords(a))
	case out == nil:
		return nil
	}
	return json.Unmarshal(a.body, out)
}
