package federation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"
)

const (
	// fetchTime is how long one answer of a provider may take. People wait for it.
	fetchTime = 5 * time.Second
	// finishTime is how long all answers that end a login may take together: metadata, tokens, keys and userinfo. The function that asks is stopped
	// a while later, and could then show no page.
	finishTime = 6 * time.Second
	// maxAnswer is how long one answer may be. Metadata and key sets of large providers have some 10 KB.
	maxAnswer = 512 << 10
)

// NewClient returns the client that providers are asked with. It follows no redirect, because the provider's metadata say where
// everything is, and gives up on answers that take more than 5 seconds or have more than 512 KB: libraries for OpenID Connect have no such bounds.
func NewClient() *http.Client {
	return &http.Client{
		Timeout:       fetchTime,
		Transport:     bounded{http.DefaultTransport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// errTooLong says that an answer was cut off.
var errTooLong = fmt.Errorf("the answer has more than %d KB", maxAnswer>>10)

// bounded limits the bodies of answers.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if !isUnread(r.URL) {
		return nil, errors.New("not https, so anybody on the way could read and change it")
	}
	response, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Body = &limited{response.Body, maxAnswer}
	}
	return response, err
}

// limited fails at the first byte beyond left. io.LimitReader would make a short answer of a long one.
type limited struct {
	io.ReadCloser
	left int
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p[:min(len(p), l.left+1)])
	if n > l.left {
		return l.left, errTooLong
	}
	l.left -= n
	return n, err
}

// fetchJSON returns the JSON at an address.
func fetchJSON(ctx context.Context, client *http.Client, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		var failed *url.Error
		switch {
		case errors.As(err, &failed) && failed.Timeout():
			err = fmt.Errorf("no answer within %s", client.Timeout)
		case failed != nil:
			err = failed.Err // the address is named beside
		}
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	switch media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); {
	case response.StatusCode >= 300 && response.StatusCode < 400:
		return nil, fmt.Errorf("it redirects to %.200q: name the address that answers", response.Header.Get("Location"))
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("status %d, want 200", response.StatusCode)
	case media != "application/json" && media != "application/jwk-set+json":
		return nil, fmt.Errorf("Content-Type %.60q, want application/json", response.Header.Get("Content-Type"))
	}
	return io.ReadAll(response.Body)
}
