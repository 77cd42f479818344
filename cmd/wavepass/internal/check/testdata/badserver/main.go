// Command badserver keeps people signed in as it should be done, but for the faults that are planted in it: each name after the
// flags is one. It is what the checks of this folder are tried on.
//
//	badserver -cert ca.pem cookie-insecure jwks-private
//
// It prints its address, and ends when standard input does.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// faults says which are planted, and knows all names there are.
type faults map[string]bool

var known = []string{
	"tls-old", "hsts-missing", "nosniff-missing",
	"cookie-insecure", "cookie-scripts", "cookie-samesite-none", "cookie-no-prefix", "cookie-domain", "cookie-forever", "cookie-huge", "cookie-short", "cookie-same",
	"other-cookie-insecure", "fixation", "fixation-planted", "login-cached", "page-cached", "cors-reflects", "cors-null", "cors-prefix", "login-csrf", "logout-csrf", "logout-get",
	"issuer-elsewhere", "http-endpoint", "documents-differ", "password-grant", "implicit-grant", "pkce-plain", "none-offered",
	"jwks-private", "jwks-symmetric", "jwks-small", "jwks-same-kid", "jwks-cached-long",
	"token-unsigned", "token-jku", "token-type", "token-long-lived", "token-forever", "token-no-audience", "token-personal", "token-huge", "token-unknown-key",
	"refresh-same", "refresh-grace", "refresh-no-reuse", "logout-keeps-session", "logout-keeps-cookie", "logout-keeps-token",
}

func main() {
	cert := flag.String("cert", "", "file for the certificate")
	list := flag.Bool("list", false, "print the names of the faults")
	flag.Parse()
	if *list {
		for _, name := range known {
			fmt.Println(name)
		}
		return
	}
	planted := faults{}
	for _, name := range flag.Args() {
		if !slices.Contains(known, name) {
			log.Fatalf("there is no fault %q", name)
		}
		planted[name] = true
	}
	if err := serve(*cert, planted); err != nil {
		log.Fatal(err)
	}
}

func serve(certFile string, planted faults) error {
	certificate, text, err := selfSigned()
	if err != nil {
		return err
	}
	if err := os.WriteFile(certFile, text, 0o600); err != nil {
		return err
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	if planted["tls-old"] {
		config.MinVersion = tls.VersionTLS10
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &server{faults: planted, origin: "https://" + listener.Addr().String(), sessions: map[string]*session{}, refresh: map[string]*session{}, access: map[string]*session{}}
	if err := s.makeKeys(); err != nil {
		return err
	}
	fmt.Println(s.origin)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	quiet := log.New(io.Discard, "", 0) // refused handshakes are expected
	return (&http.Server{Handler: s.routes(), ErrorLog: quiet, ReadHeaderTimeout: time.Minute}).Serve(tls.NewListener(listener, config))
}

func selfSigned() (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// session is one login. Its lock is the server's.
type session struct {
	ended   bool
	current string // the newest refresh token
}

type server struct {
	faults
	origin string
	keys   keys

	mu       sync.Mutex
	sessions map[string]*session // by the cookie
	refresh  map[string]*session // by each refresh token that there was
	access   map[string]*session
}
