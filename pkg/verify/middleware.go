package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/wavepass/wavepass/pkg/oauth"
)

type contextKey struct{}

// FromContext returns the claims of the token of a request that Middleware let through.
func FromContext(ctx context.Context) (Claims, bool) {
	claims, ok := ctx.Value(contextKey{}).(Claims)
	return claims, ok
}

// Middleware lets requests through to next that carry an access token with all of the scopes, beside those of the Config. Others are answered
// by RFC 6750 §3, without a body: 401 without a token and for one that is not accepted, 400 for two, 403 for a missing scope, and
// 503 while the keys cannot be had. Clients refresh on a 401. Middleware panics when one of scopes could not be a scope.
//
// With Config.ResourceMetadata the challenges name it, and a 401 also the scopes to ask for.
func (v *Verifier) Middleware(next http.Handler, scopes ...string) http.Handler {
	v.mustBeScopes("Middleware", scopes)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := r.Header.Values("Authorization")
		if len(given) > 1 {
			refuse(w, http.StatusBadRequest, `Bearer error="invalid_request"`)
			return
		}
		scheme, text, _ := strings.Cut(strings.Join(given, ""), " ")
		if !strings.EqualFold(scheme, "Bearer") { // no error code for callers that know nothing of tokens (RFC 6750 §3.1)
			refuse(w, http.StatusUnauthorized, v.challenge("", scopes))
			return
		}
		claims, err := v.Verify(r.Context(), strings.TrimLeft(text, " "))
		if err == nil {
			err = claims.require(scopes)
		}
		switch {
		case err == nil:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, claims)))
		case errors.Is(err, ErrInsufficientScope):
			refuse(w, http.StatusForbidden, v.challenge("insufficient_scope", scopes))
		case errors.Is(err, ErrInvalidToken):
			refuse(w, http.StatusUnauthorized, v.challenge("invalid_token", scopes))
		default:
			w.Header().Set("Retry-After", "5")
			refuse(w, http.StatusServiceUnavailable, "")
		}
	})
}

// InsufficientScope answers a request that Middleware has let through, and that needs more scopes than it could know: where a handler finds out by the
// body what is asked for, as MCP servers do. Name all the scopes that the token should have then, also those that it has: clients may ask for
// exactly these. Those of the Config are named anyway. It panics when one of scopes could not be a scope.
func (v *Verifier) InsufficientScope(w http.ResponseWriter, scopes ...string) {
	v.mustBeScopes("InsufficientScope", scopes)
	refuse(w, http.StatusForbidden, v.challenge("insufficient_scope", scopes))
}

func (v *Verifier) mustBeScopes(method string, scopes []string) {
	for _, scope := range scopes {
		if !oauth.ValidScope(scope) {
			panic(fmt.Sprintf("verify: %s: %q is not a scope (RFC 6749 §3.3)", method, scope))
		}
	}
}

// challenge returns that of RFC 6750 §3 for requests that need scopes beside those of the Config, with the address of RFC 9728 §5.1.
func (v *Verifier) challenge(code string, scopes []string) string {
	var parameters []string
	add := func(name, value string) {
		if value != "" {
			parameters = append(parameters, name+`="`+value+`"`)
		}
	}
	add("error", code)
	if code == "insufficient_scope" || v.resourceMetadata != "" {
		add("scope", strings.Join(slices.Concat(v.scopes, scopes), " "))
	}
	add("resource_metadata", v.resourceMetadata)
	return strings.TrimSuffix("Bearer "+strings.Join(parameters, ", "), " ")
}

func refuse(w http.ResponseWriter, status int, challenge string) {
	w.Header().Set("Cache-Control", "no-store")
	if challenge != "" {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	w.WriteHeader(status)
}
