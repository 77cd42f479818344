package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/keyring"
)

const (
	maxDocument = 64 << 10 // bytes of a key set or of metadata
	fetchTime   = 5 * time.Second

	defaultLife = 5 * time.Minute
	minLife     = 30 * time.Second
	maxLife     = time.Hour
)

// keySource is where an issuer publishes its keys.
type keySource struct {
	issuer  string
	address string // of the key set; empty: the issuer's metadata names it
	allowed addressRule
	client  *http.Client
}

// fetch returns the keys by header segment, and how long they may be kept.
func (s keySource) fetch(ctx context.Context) (map[string]keyring.VerifyKey, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	address := s.address
	if address == "" {
		var err error
		if address, err = s.discover(ctx); err != nil {
			return nil, 0, err
		}
	}
	document, header, err := s.get(ctx, address)
	if err != nil {
		return nil, 0, err
	}
	set, err := parseKeySet(document)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", address, err)
	}
	return set, lifeOf(header), nil
}

// discover asks where OpenID Connect Discovery 1.0 §4 puts the metadata: below the issuer, also below its path.
func (s keySource) discover(ctx context.Context) (string, error) {
	address := s.issuer + "/.well-known/openid-configuration"
	document, _, err := s.get(ctx, address)
	if err != nil {
		return "", err
	}
	var metadata struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(document, &metadata); err != nil {
		return "", fmt.Errorf("%s: not metadata", address)
	}
	if metadata.Issuer != s.issuer { // RFC 8414 §3.3
		return "", fmt.Errorf("%s: it is of the issuer %q", address, metadata.Issuer)
	}
	if err := s.allowed.check(metadata.JWKSURI); err != nil {
		return "", fmt.Errorf("%s: jwks_uri %q: %w", address, metadata.JWKSURI, err)
	}
	return metadata.JWKSURI, nil
}

// get returns a JSON document that is no larger than it may be.
func (s keySource) get(ctx context.Context, address string) ([]byte, http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Accept", "application/json, application/jwk-set+json")
	response, err := s.client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch {
	case response.StatusCode != http.StatusOK:
		return nil, nil, fmt.Errorf("%s: status %d, want 200", address, response.StatusCode)
	case media != "application/json" && media != "application/jwk-set+json": // RFC 7517 §8.5
		return nil, nil, fmt.Errorf("%s: Content-Type %q, want application/json", address, media)
	}
	document, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	if err == nil && len(document) > maxDocument {
		err = errors.New("longer than 64 KB")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", address, err)
	}
	return document, response.Header, nil
}

// lifeOf is what is left of an answer's max-age (RFC 9111 §4.2), within our bounds.
func lifeOf(header http.Header) time.Duration {
	life := defaultLife
	for directive := range strings.SplitSeq(strings.Join(header.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		switch name {
		case "no-store", "no-cache":
			return minLife
		case "max-age":
			life = seconds(strings.Trim(value, `"`))
		}
	}
	return min(max(life-seconds(header.Get("Age")), minLife), maxLife)
}

// seconds reads delta-seconds (RFC 9111 §1.2.2). Text of another form counts as 0.
func seconds(text string) time.Duration {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}
