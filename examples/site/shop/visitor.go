package main

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
)

// visitor is what Wavepass's authorizer has found out about whoever sent a request. These are the members that the shop uses; Wavepass's
// docs/policy.md has all of them.
type visitor struct {
	Account string `json:"sub"`  // empty: nobody, whose session has ended or who has none
	Session string `json:"sid"`  // one login in one browser
	CSRF    string `json:"csrf"` // what forms of this session carry, and nobody else can know
	Reason  string `json:"reason"`
}

func (v visitor) signedIn() bool { return v.Account != "" && v.Session != "" && v.CSRF != "" }

// sentForm reports whether a form is one that the shop has given to this visitor. Without a session there is no token, and an empty one is
// never good.
func (v visitor) sentForm(r *http.Request) bool {
	return v.signedIn() && subtle.ConstantTimeCompare([]byte(r.PostFormValue("csrf")), []byte(v.CSRF)) == 1
}

type visitorKey struct{}

// withVisitor adds what the authorizer says, as JSON; nothing on a route without the authorizer.
func withVisitor(ctx context.Context, authorizer []byte) (context.Context, error) {
	var v visitor
	if len(authorizer) > 0 {
		if err := json.Unmarshal(authorizer, &v); err != nil {
			return nil, fmt.Errorf("what the authorizer says: %w", err)
		}
	}
	return context.WithValue(ctx, visitorKey{}, v), nil
}

func visitorOf(r *http.Request) visitor {
	v, _ := r.Context().Value(visitorKey{}).(visitor)
	return v
}

// behindWavepassLocal believes what the authorizer says when the request comes from `wavepass local`, which alone knows the key.
func behindWavepassLocal(next http.Handler, key string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if key == "" || subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Wavepass-Context-Key")), []byte(key)) != 1 {
			http.Error(w, "This is the back end; the shop is at the address of wavepass local.", http.StatusForbidden)
			return
		}
		ctx, err := withVisitor(r.Context(), []byte(r.Header.Get("X-Wavepass-Context")))
		if err != nil {
			http.Error(w, "", http.StatusInternalServerError)
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
