// Package awstls makes the TLS connections to AWS's own endpoints. To read the system's set of some 150 roots takes longer than all else that a function
// does at a cold start, and AWS's certificates come from five (docs/adr/0104-five-roots-first.md).
package awstls

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// rootsPEM are the roots of Amazon Trust Services: Amazon Root CA 1 to 4, and Starfield Services Root Certificate Authority - G2.
//
//go:embed roots.pem
var rootsPEM []byte

// dialTime bounds a connection with its handshake. A request gives up much sooner; what it has begun must end, too.
const dialTime = 5 * time.Second

// domain is that of the endpoints whose certificates come from rootsPEM. Those of China end differently.
const domain = ".amazonaws.com"

// Configured is an option of a transport that is for one server, at that address. It lets TLS sessions be resumed. When the address is an endpoint
// of AWS, its certificate is checked against AWS's own roots, and only when it comes from none of them, against the system's: so AWS may move to a root that is
// newer than this package.
func Configured(address string) func(*http.Transport) {
	return func(t *http.Transport) {
		if t.TLSClientConfig == nil {
			t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		t.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		host, isTLS := strings.CutPrefix(address, "https://")
		host, _, _ = strings.Cut(host, "/")
		if isTLS && strings.HasSuffix(host, domain) {
			t.DialTLSContext = newDialer(t.TLSClientConfig, ownRoots, systemRoots).dial
		}
	}
}

func ownRoots() *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(rootsPEM)
	return roots
}

func systemRoots() *x509.CertPool { return nil } // as tls.Config has it

type dialer struct {
	own, others  func() *tls.Config // others has the system's roots
	othersAreIts atomic.Bool        // the server's certificate was found to come from one of them
}

func newDialer(base *tls.Config, own, others func() *x509.CertPool) *dialer {
	with := func(roots func() *x509.CertPool) func() *tls.Config {
		return sync.OnceValue(func() *tls.Config {
			config := base.Clone()
			config.RootCAs, config.ClientSessionCache = roots(), tls.NewLRUClientSessionCache(1)
			return config
		})
	}
	return &dialer{own: with(own), others: with(others)}
}

// dial is for http.Transport.DialTLSContext.
func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if !d.othersAreIts.Load() {
		conn, err := connect(ctx, network, address, d.own())
		if unknown := (x509.UnknownAuthorityError{}); !errors.As(err, &unknown) {
			return conn, err
		}
	}
	conn, err := connect(ctx, network, address, d.others())
	if err == nil {
		d.othersAreIts.Store(true)
	}
	return conn, err
}

func connect(ctx context.Context, network, address string, config *tls.Config) (net.Conn, error) {
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: dialTime}, Config: config}
	return dialer.DialContext(ctx, network, address)
}
