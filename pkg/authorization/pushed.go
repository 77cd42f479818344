package authorization

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	// PushedLife is how long a request may be opened after it was pushed (RFC 9126 §2.2). It may be opened as often as somebody
	// reloads the page.
	PushedLife = 90 * time.Second

	// MaxPushed bounds a pushed request as a query, in bytes: after the sign-in it stands in an address.
	MaxPushed = 6 << 10

	requestURIPrefix = "urn:ietf:params:oauth:request_uri:"
	handleSize       = 32
)

// ErrNotPushed says that no request is kept under this name, or no longer.
var ErrNotPushed = errors.New("authorization: no such pushed request, or its time is over")

// PushedName is what a table knows of a request_uri: a hash of its secret part, which has 256 bits of randomness.
type PushedName [sha256.Size]byte

// Pushed is a pushed request as it is stored. The secret part of its request_uri is also the key that opens it, so the table can
// neither show nor change what somebody asked for.
type Pushed struct {
	Sealed []byte
	Until  time.Time // milliseconds
}

// PushedKeeper stores pushed requests.
type PushedKeeper interface {
	// PutPushed stores p under a name. It may be repeated. An error is oauth.ErrUnavailable.
	PutPushed(ctx context.Context, name PushedName, p Pushed) error
}

// PushedReader reads pushed requests.
type PushedReader interface {
	// Pushed returns what was stored under a name, also when that was a moment ago. ErrNotPushed when there is nothing or its time is
	// over; any other error is oauth.ErrUnavailable.
	Pushed(ctx context.Context, name PushedName) (Pushed, error)
}

// Push checks a request of the client c, which has authenticated, as /authorize would, and stores what it says for PushedLife (RFC 9126
// §2.1). It returns the request_uri. The error is an *Error or a *PageError, both for the client, or oauth.ErrUnavailable.
func Push(ctx context.Context, keeper PushedKeeper, raw string, c client.Client, now time.Time) (requestURI oauth.Secret, err error) {
	p, err := readParameters(raw)
	if err != nil {
		return requestURI, err
	}
	if p.values["request_uri"] != "" {
		return requestURI, refuse(oauth.CodeInvalidRequest, "request_uri: a request that is pushed says everything itself")
	}
	if _, err := Check(raw, c); err != nil {
		return requestURI, err
	}
	query := p.known().Encode() // without the client's secret, and without what means nothing
	if len(query) > MaxPushed {
		return requestURI, refuse(oauth.CodeInvalidRequest, "the request is longer than "+strconv.Itoa(MaxPushed)+" bytes")
	}
	secret := make([]byte, handleSize)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	name, aead, err := openedBy(secret)
	if err != nil {
		return requestURI, err
	}
	stored := Pushed{Sealed: aead.Seal(nil, nil, []byte(query), []byte(c.ID)), Until: now.Add(PushedLife).UTC().Truncate(time.Millisecond)}
	if err := keeper.PutPushed(ctx, name, stored); err != nil {
		return requestURI, fmt.Errorf("authorization: push: %w", err)
	}
	return oauth.NewSecret(requestURIPrefix + base64.RawURLEncoding.EncodeToString(secret)), nil
}

// Resolve returns the request that raw, a query or the body of a form, stands for: the pushed one that its request_uri names, whatever
// else raw says (RFC 9126 §4), or raw itself when it names none of ours. The request has still to pass Check: the client's
// registration may have changed. The error is a *PageError or oauth.ErrUnavailable.
func Resolve(ctx context.Context, reader PushedReader, raw string) (string, error) {
	p, err := readParameters(raw)
	if err != nil {
		return "", err
	}
	handle, ours := strings.CutPrefix(p.values["request_uri"], requestURIPrefix)
	switch {
	case !ours:
		return raw, nil
	case p.repeated["request_uri"] || p.values["request"] != "":
		return "", &PageError{"request_uri is given twice, or beside request"}
	}
	id, err := ClientID(raw)
	if err != nil {
		return "", err
	}
	query, err := open(ctx, reader, handle, id)
	if errors.Is(err, ErrNotPushed) {
		return "", &PageError{"the application has sent this request too long ago, or not at all: go back to the application and begin anew"}
	}
	return query, err
}

// open returns the request that a handle names and opens, if the client pushed it.
func open(ctx context.Context, reader PushedReader, handle, clientID string) (string, error) {
	secret, err := base64.RawURLEncoding.Strict().DecodeString(handle)
	if err != nil || len(secret) != handleSize || len(handle) != base64.RawURLEncoding.EncodedLen(handleSize) { // the decoder passes over line breaks
		return "", ErrNotPushed
	}
	name, aead, err := openedBy(secret)
	if err != nil {
		return "", err
	}
	stored, err := reader.Pushed(ctx, name)
	if err != nil {
		return "", err
	}
	query, err := aead.Open(nil, nil, stored.Sealed, []byte(clientID))
	if err != nil {
		return "", fmt.Errorf("%w: it is another client's", ErrNotPushed)
	}
	return string(query), nil
}

// openedBy returns the name of the request that a secret opens, and what opens it. Neither tells anything about the other.
func openedBy(secret []byte) (PushedName, cipher.AEAD, error) {
	name, err := hkdf.Key(sha256.New, secret, nil, "wavepass pushed request, name", sha256.Size)
	if err != nil {
		return PushedName{}, nil, err
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "wavepass pushed request, key", 32)
	if err != nil {
		return PushedName{}, nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return PushedName{}, nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return PushedName(name), aead, err
}

// known returns the parameters that mean something here.
func (p parameters) known() url.Values {
	out := url.Values{}
	for _, name := range append([]string{"client_id", "redirect_uri", "state"}, known...) {
		if value := p.values[name]; value != "" {
			out.Set(name, value)
		}
	}
	for _, resource := range p.resource {
		out.Add("resource", resource)
	}
	return out
}
