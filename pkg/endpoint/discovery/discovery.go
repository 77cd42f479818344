// Package discovery is the endpoint of public metadata: the key set (RFC 7517), what is served where (RFC 8414
// and OpenID Connect Discovery 1.0), and whose tokens the resources of this host take (RFC 9728).
package discovery

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/resource"
)

// Store is what the function reads.
type Store interface {
	keyring.Store
	resource.Reader
}

// New returns the function over the keyring and the resources in store.
func New(s endpoint.Settings, store Store) apigw.Function {
	f := function{keyring.NewPublicKeys(store, s.KeyTimes, s.Now), store, s.Documents.Allowed}
	return apigw.Serve(s.Config, map[string]apigw.Handler{
		"GET /.well-known/jwks.json":                  f.jwks,
		"GET /.well-known/oauth-authorization-server": f.authorizationServer,
		"GET /.well-known/openid-configuration":       f.openIDConfiguration,
		"GET " + resource.WellKnown:                   f.protectedResource,
		"GET " + resource.WellKnown + "/{path+}":      f.protectedResource,
	})
}

type function struct {
	keys      *keyring.PublicKeys
	resources resource.Reader

	takesDocuments bool
}

func (f function) jwks(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	jwks, err := f.keys.JWKS(ctx)
	if err != nil {
		return apigw.Response{}, err
	}
	return f.cacheable(r, apigw.Response{Status: http.StatusOK, Body: jwks}), nil
}

func (f function) authorizationServer(_ context.Context, r *apigw.Request) (apigw.Response, error) {
	response, err := apigw.Encode(describe(r.At.Issuer, f.takesDocuments))
	return f.cacheable(r, response), err
}

// openIDConfiguration lists the algorithms of the published keys. While the keys cannot be read it is a 503, because libraries
// that are told of no algorithm refuse every token.
func (f function) openIDConfiguration(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	algorithms, err := f.keys.Algorithms(ctx)
	if err != nil {
		return apigw.Response{}, err
	}
	response, err := apigw.Encode(describeOpenID(r.At.Issuer, f.takesDocuments, algorithms))
	return f.cacheable(r, response), err
}

// protectedResource describes a resource of the issuer's own host. Another host serves its document itself: who runs this one could say anything
// about it.
func (f function) protectedResource(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	issuer, err := url.Parse(r.At.Issuer)
	if err != nil {
		return apigw.Response{}, err
	}
	uri := issuer.Scheme + "://" + issuer.Host
	if path := r.Path["path"]; path != "" {
		uri += "/" + path
	}
	found, err := resource.Find(ctx, f.resources, uri)
	if err != nil {
		return apigw.Response{}, err
	}
	response, err := apigw.Encode(found.Metadata(r.At.Issuer))
	return f.cacheable(r, response), err
}

// cacheable lets caches store an answer for as long as verifiers keep keys. After that they can ask whether it has changed
// (RFC 9110 §13.1.2).
func (f function) cacheable(r *apigw.Request, response apigw.Response) apigw.Response {
	sum := sha256.Sum256(response.Body)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	life := fmt.Sprintf("public, max-age=%.0f", f.keys.Life().Seconds())
	response.Headers = map[string]string{"Cache-Control": life, "ETag": tag}
	if matches(r.Header("If-None-Match"), tag) {
		response.Status, response.Body = http.StatusNotModified, nil
	}
	return response
}

// matches makes the weak comparison of If-None-Match. Tags of ours have no comma, so a list can be split at commas.
func matches(ifNoneMatch, tag string) bool {
	for one := range strings.SplitSeq(ifNoneMatch, ",") {
		one = strings.TrimSpace(one)
		if one == "*" || strings.TrimPrefix(one, "W/") == tag {
			return true
		}
	}
	return false
}
