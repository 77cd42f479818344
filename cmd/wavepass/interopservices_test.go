package main

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// golang.org/x/oauth2 finds out by itself whether a secret goes into the header or the body.
func TestGoServiceGetsItsOwnToken(t *testing.T) {
	s := startSecure(t, algorithms[0])
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, s.client)
	var did []done
	for _, way := range []struct {
		how   string
		style oauth2.AuthStyle
	}{{"found out", oauth2.AuthStyleAutoDetect}, {"basic", oauth2.AuthStyleInHeader}, {"post", oauth2.AuthStyleInParams}} {
		cfg := clientcredentials.Config{ClientID: "partner", ClientSecret: demoSecret, TokenURL: s.url + "/token", Scopes: []string{"profile"}, AuthStyle: way.style}
		got, err := cfg.Token(ctx)
		check(t, err)
		if !got.Valid() || got.RefreshToken != "" {
			t.Errorf("%s: valid %v, refresh token %v", way.how, got.Valid(), got.RefreshToken != "")
		}
		if way.how != "found out" {
			did = append(did, done{"client credentials", way.how, decoded(t, got.AccessToken, 1)["sub"].(string)})
		}
	}
	var refusal *oauth2.RetrieveError
	_, err := (&clientcredentials.Config{ClientID: "partner", ClientSecret: "wrong", TokenURL: s.url + "/token"}).Token(ctx)
	if !errors.As(err, &refusal) || refusal.ErrorCode != "invalid_client" || refusal.Response.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wrong secret: %v, want invalid_client", err)
	}
	app := oauth2.Config{ClientID: "app", Endpoint: oauth2.Endpoint{TokenURL: s.url + "/token"}}
	first := s.login().RefreshToken
	fresh, err := app.TokenSource(ctx, &oauth2.Token{RefreshToken: first}).Token()
	check(t, err)
	if fresh.RefreshToken != first {
		did = append(did, done{"refresh", "public", "rotated"})
	}
	s.holds("golang.org/x/oauth2", did, peerInput{})
}

// While it does not know yet where a secret goes, golang.org/x/oauth2 sends a request again after any error, with the same refresh token. The
// first request may have been served, and only its answer been lost. Nobody is logged out by that.
func TestGoClientThatSendsARefreshTokenTwiceStaysLoggedIn(t *testing.T) {
	s := startSecure(t, algorithms[0])
	lossy := &losesTheFirst{next: s.client.Transport}
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: lossy})
	app := oauth2.Config{ClientID: "app", Endpoint: oauth2.Endpoint{TokenURL: s.url + "/token"}}
	token := &oauth2.Token{RefreshToken: s.login().RefreshToken}
	for i := range 3 {
		next, err := app.TokenSource(ctx, token).Token()
		if err != nil {
			t.Fatalf("refresh %d: %v, want that the person stays logged in", i, err)
		}
		token = &oauth2.Token{RefreshToken: next.RefreshToken}
	}
	if got := lossy.requests.Load(); got != 4 {
		t.Errorf("%d requests, want 4: the first was sent again", got)
	}
}

// losesTheFirst is a network on which the first request arrives, and a proxy answers it in the server's place.
type losesTheFirst struct {
	next     http.RoundTripper
	requests atomic.Int32
}

func (l *losesTheFirst) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := l.next.RoundTrip(r)
	if l.requests.Add(1) == 1 && err == nil {
		response.StatusCode, response.Status = http.StatusBadGateway, "502 Bad Gateway"
	}
	return response, err
}
