package metadata

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
)

const (
	// MaxDocument is how long a document may be, in bytes.
	MaxDocument = 5000

	fetchTime  = 3 * time.Second // for everything: the name, the connection, TLS and the answer. People wait for it.
	maxHeaders = 8 << 10         // bytes of the answer
	maxTried   = 3               // addresses of one name
	port       = "443"
)

// Network is where names are looked up and connections are made.
type Network interface {
	// LookupNetIP returns the addresses of a host. network is "ip".
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	// DialContext connects to an address, which is a number and a port, never a name.
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
	// Roots are the certificate authorities that count; nil: those of the system.
	Roots() *x509.CertPool
}

// Internet is the Network of a process.
type Internet struct{}

// LookupNetIP implements Network.
func (Internet) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, network, host)
}

// DialContext implements Network.
func (Internet) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, address)
}

// Roots implements Network.
func (Internet) Roots() *x509.CertPool { return nil }

// Error says in plain words why there is no document.
type Error struct {
	Says        string
	Unreachable bool // the host did not answer, which says nothing about the document
}

func (e *Error) Error() string { return "metadata: " + e.Says }

func refuse(format string, values ...any) error { return &Error{Says: fmt.Sprintf(format, values...)} }

func unreachable(says string) error { return &Error{Says: says, Unreachable: true} }

// Fetcher reads documents. Safe for concurrent use.
type Fetcher struct{ http http.Client }

// NewFetcher returns a fetcher that asks public addresses only, whichever network it is given. The addresses of a name are looked up once,
// all of them are checked, and those that were checked are connected to, so a name cannot change in between.
func NewFetcher(n Network) *Fetcher {
	return &Fetcher{http.Client{
		Timeout:       fetchTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would look the name up itself
			DialContext:            dialPublic(n),
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: n.Roots()},
			DisableKeepAlives:      true, // each document is read once
			DisableCompression:     true, // so that what comes is as long as what is read
			MaxResponseHeaderBytes: maxHeaders,
		},
	}}
}

// errPrivate says that no connection was made because of the address.
var errPrivate = errors.New("an address of the host is none of the internet's")

func dialPublic(n Network) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		host, to, err := net.SplitHostPort(address)
		if err != nil || to != port {
			return nil, errPrivate
		}
		found, err := n.LookupNetIP(ctx, "ip", host)
		if err != nil {
			return nil, err
		}
		for i, a := range found {
			if found[i] = a.Unmap(); !isPublic(found[i]) { // resolvers write IPv4 in either form
				return nil, errPrivate
			}
		}
		err = errors.New("the host has no address")
		for _, a := range found[:min(len(found), maxTried)] {
			var conn net.Conn
			if conn, err = n.DialContext(ctx, "tcp", netip.AddrPortFrom(a, 443).String()); err == nil {
				return conn, nil
			}
		}
		return nil, err
	}
}

// Read returns the document at a client's id, and how long its host lets it be used. Errors: *Error.
func (f *Fetcher) Read(ctx context.Context, id string) ([]byte, time.Duration, error) {
	if err := client.CheckURL(id); err != nil {
		return nil, 0, refuse("the client_id %v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, id, nil)
	if err != nil {
		return nil, 0, refuse("the client_id is no address")
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "Wavepass")
	response, err := f.http.Do(request)
	if err != nil {
		return nil, 0, noAnswer(err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := checkAnswer(response); err != nil {
		return nil, 0, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxDocument+1))
	if err == nil {
		err = ctx.Err() // a host that stops when it is given up may look as if it had said all
	}
	switch {
	case len(body) > MaxDocument:
		return nil, 0, refuse("the document has more than %d bytes", MaxDocument)
	case err != nil:
		return nil, 0, noAnswer(err)
	}
	return body, freshFor(response.Header), nil
}

// noAnswer says why there was no answer, without text of a library or of the host.
func noAnswer(err error) error {
	var (
		timeout net.Error
		name    *net.DNSError
		cert    *tls.CertificateVerificationError
	)
	switch {
	case errors.Is(err, errPrivate):
		return refuse("%v, and nothing else is asked", errPrivate)
	case errors.As(err, &timeout) && timeout.Timeout():
		return unreachable(fmt.Sprintf("the host did not answer within %s", fetchTime))
	case errors.As(err, &name):
		return unreachable("the name of the host could not be looked up")
	case errors.As(err, &cert):
		return unreachable("the certificate of the host is not good")
	}
	return unreachable("the host could not be asked, or its answer was cut off")
}

func checkAnswer(r *http.Response) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.StatusCode >= 500 || r.StatusCode == http.StatusTooManyRequests:
		return unreachable(fmt.Sprintf("the host answered with status %d, want 200", r.StatusCode))
	case r.StatusCode >= 300 && r.StatusCode < 400:
		return refuse("the host redirects to another address, which is not followed: the client_id has to be the address that answers")
	case r.StatusCode != http.StatusOK:
		return refuse("the host answered with status %d, want 200", r.StatusCode)
	case err != nil || len(r.Header.Values("Content-Type")) != 1 || !isJSON(media):
		return refuse("the answer is not application/json")
	case r.Header.Get("Content-Encoding") != "" && r.Header.Get("Content-Encoding") != "identity":
		return refuse("the answer is compressed, which nobody asked for")
	case r.ContentLength > MaxDocument:
		return refuse("the document has more than %d bytes", MaxDocument)
	}
	return nil
}
