package awstls

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// server answers over TLS, with a certificate for 127.0.0.1, and counts the connections that it accepts.
type server struct {
	*httptest.Server
	dialled, resumed atomic.Int32
}

func newServer(t *testing.T) *server {
	s := &server{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.TLS.DidResume {
			s.resumed.Add(1)
		}
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.dialled.Add(1)
		}
	}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *server) itsRoot() *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return roots
}

func noRoot() *x509.CertPool { return x509.NewCertPool() }

// ask asks over a connection of its own.
func ask(t *testing.T, d *dialer, address string) error {
	t.Helper()
	transport := &http.Transport{DialTLSContext: d.dial}
	t.Cleanup(transport.CloseIdleConnections)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err == nil {
		_ = response.Body.Close()
	}
	return err
}

func TestOwnRootsComeFirstAndTheSystemsAfterThem(t *testing.T) {
	base := &tls.Config{MinVersion: tls.VersionTLS12}
	for name, test := range map[string]struct {
		own, others bool    // has the server's root
		host        string  // that is dialled
		dials       []int32 // connections of the first request and of the second
		want        any     // the error; nil: none
	}{
		"known to ours":              {true, false, "127.0.0.1", []int32{1, 1}, nil},
		"known to both":              {true, true, "127.0.0.1", []int32{1, 1}, nil},
		"known to the system's only": {false, true, "127.0.0.1", []int32{2, 1}, nil},
		"known to none":              {false, false, "127.0.0.1", []int32{2, 2}, &x509.UnknownAuthorityError{}},
		"for another host":           {true, true, "localhost", []int32{1, 1}, &x509.HostnameError{}},
		"for another host, unknown":  {false, true, "localhost", []int32{1, 1}, &x509.HostnameError{}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			roots := func(has bool) func() *x509.CertPool {
				if has {
					return s.itsRoot
				}
				return noRoot
			}
			d := newDialer(base, roots(test.own), roots(test.others))
			for i, want := range test.dials {
				before := s.dialled.Load()
				err := ask(t, d, strings.Replace(s.URL, "127.0.0.1", test.host, 1))
				if (err == nil) != (test.want == nil) || err != nil && !errors.As(err, test.want) {
					t.Errorf("request %d: %v, want %T", i, err, test.want)
				}
				if got := s.dialled.Load() - before; got != want {
					t.Errorf("request %d made %d connections, want %d", i, got, want)
				}
			}
			if got, want := s.resumed.Load() == 1, test.want == nil; got != want {
				t.Errorf("the second connection resumed the session of the first: %v, want %v", got, want)
			}
		})
	}
}

func TestOnlyEndpointsOfAWSHaveItsRoots(t *testing.T) {
	for address, want := range map[string]bool{
		"https://dynamodb.eu-central-1.amazonaws.com":    true,
		"https://kms.us-gov-west-1.amazonaws.com/":       true,
		"https://dynamodb.cn-north-1.amazonaws.com.cn":   false,
		"https://amazonaws.com.example.com":              false,
		"https://example.com/dynamodb.x.amazonaws.com":   false,
		"http://dynamodb.eu-central-1.amazonaws.com":     false,
		"http://127.0.0.1:8000":                          false,
		"https://dynamodb.eu-central-1.notamazonaws.com": false,
	} {
		transport := &http.Transport{}
		Configured(address)(transport)
		if got := transport.DialTLSContext != nil; got != want {
			t.Errorf("%s: has the roots of AWS: %v, want %v", address, got, want)
		}
		if transport.TLSClientConfig.ClientSessionCache == nil || transport.TLSClientConfig.MinVersion != tls.VersionTLS12 {
			t.Errorf("%s: %+v, want sessions to be resumed, and TLS 1.2 at least", address, transport.TLSClientConfig)
		}
	}
}

// fingerprints are the SHA-256 sums that Amazon Trust Services publishes of its roots.
var fingerprints = map[string]string{
	"Amazon Root CA 1": "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
	"Amazon Root CA 2": "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
	"Amazon Root CA 3": "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
	"Amazon Root CA 4": "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
	"Starfield Services Root Certificate Authority - G2": "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
}

// systemBundles are where systems keep their roots.
var systemBundles = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"}

// TestRootsAreThoseOfAWS that are in use today: also the system's set has them, and no other of Amazon.
func TestRootsAreThoseOfAWS(t *testing.T) {
	own := map[string]string{}
	for _, root := range parse(t, rootsPEM) {
		own[root.Subject.CommonName] = sumOf(root)
		if err := root.CheckSignatureFrom(root); err != nil || root.NotAfter.Before(time.Now().AddDate(1, 0, 0)) {
			t.Errorf("%s: signed by itself: %v; ends on %s, want a year from now at least", root.Subject.CommonName, err, root.NotAfter)
		}
	}
	compare(t, "roots.pem", own)
	for _, name := range systemBundles {
		data, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		system := map[string]string{}
		for _, root := range parse(t, data) {
			if _, known := fingerprints[root.Subject.CommonName]; known || strings.HasPrefix(strings.Join(root.Subject.Organization, ""), "Amazon") {
				system[root.Subject.CommonName] = sumOf(root)
			}
		}
		compare(t, name, system)
		return
	}
	t.Skip("this system has no set of roots to compare with")
}

func compare(t *testing.T, name string, found map[string]string) {
	t.Helper()
	for root, sum := range fingerprints {
		if found[root] != sum {
			t.Errorf("%s: %s has the sum %q, want %q", name, root, found[root], sum)
		}
	}
	for root := range found {
		if fingerprints[root] == "" {
			t.Errorf("%s has %s, which is none that is expected: take it into roots.pem if AWS says that it is in use", name, root)
		}
	}
}

func parse(t *testing.T, data []byte) (all []*x509.Certificate) {
	t.Helper()
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		root, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, root)
	}
	return all
}

func sumOf(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}
