package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const maxBody = 64 << 10

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") })
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("GET /me", s.me)
	mux.HandleFunc("GET /api", s.api)
	mux.HandleFunc("POST /refresh", s.refreshes)
	mux.HandleFunc("POST /logout", s.logout)
	if s.faults["logout-get"] {
		mux.HandleFunc("GET /logout", func(w http.ResponseWriter, r *http.Request) { s.end(w, r) })
	}
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.metadata(false)) })
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.metadata(true)) })
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=300")
		if s.faults["jwks-cached-long"] {
			w.Header().Set("Cache-Control", "public, max-age=2592000")
		}
		answer(w, s.keySet())
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.headers(w, r)
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		mux.ServeHTTP(w, r)
	})
}

func (s *server) headers(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if !s.faults["hsts-missing"] {
		h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	}
	if !s.faults["nosniff-missing"] {
		h.Set("X-Content-Type-Options", "nosniff")
	}
	h.Set("Cache-Control", "no-store")
	host := strings.TrimPrefix(s.origin, "https://")
	name, _, _ := strings.Cut(host, ":")
	origin := r.Header.Get("Origin")
	if origin != "" && (s.faults["cors-reflects"] || s.faults["cors-null"] && origin == "null" || s.faults["cors-prefix"] && strings.HasPrefix(origin, "https://"+name)) {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	}
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func random() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// own reports whether a page of the service itself sent the request, with what such a page sends.
func (s *server) own(r *http.Request) bool {
	return r.Header.Get("Origin") == s.origin && r.Header.Get("Content-Type") == "application/json"
}

func (s *server) login(w http.ResponseWriter, r *http.Request) {
	if !s.faults["login-csrf"] && !s.own(r) {
		http.Error(w, "cross-site", http.StatusForbidden)
		return
	}
	var body struct{ Username, Password string }
	if json.NewDecoder(r.Body).Decode(&body) != nil || body.Username != "ada" || body.Password != "a-test-password" {
		http.Error(w, "wrong", http.StatusUnauthorized)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.newID(r)
	one := &session{current: random()}
	access := s.token()
	s.sessions[id], s.refresh[one.current], s.access[access] = one, one, one
	s.setCookies(w, id)
	if s.faults["login-cached"] {
		w.Header().Set("Cache-Control", "public, max-age=60")
	}
	answer(w, map[string]string{"access_token": access, "refresh_token": one.current})
}

func (s *server) newID(r *http.Request) string {
	cookie, err := r.Cookie(s.cookieName())
	switch {
	case s.faults["cookie-short"]:
		return random()[:8]
	case s.faults["cookie-same"]:
		return "0123456789abcdefghijklmnopqrstuvwxyz"
	case s.faults["cookie-huge"]:
		return random() + strings.Repeat("x", 4100)
	case s.faults["fixation"] && err == nil, s.faults["fixation-planted"] && err == nil && strings.HasPrefix(cookie.Value, "planted"):
		return cookie.Value
	}
	return random()
}

func (s *server) cookieName() string {
	switch {
	case s.faults["cookie-insecure"], s.faults["cookie-no-prefix"]:
		return "session"
	case s.faults["cookie-domain"]:
		return "__Secure-session"
	}
	return "__Host-session"
}

func (s *server) cookie(value string) *http.Cookie {
	c := &http.Cookie{Name: s.cookieName(), Value: value, Path: "/", MaxAge: 3600, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if s.faults["cookie-insecure"] {
		c.Secure = false
	}
	if s.faults["cookie-scripts"] {
		c.HttpOnly = false
	}
	if s.faults["cookie-samesite-none"] {
		c.SameSite = http.SameSiteNoneMode
	}
	if s.faults["cookie-domain"] {
		c.Domain = "example.com"
	}
	if s.faults["cookie-forever"] {
		c.MaxAge = 10 * 365 * 24 * 3600
	}
	return c
}

func (s *server) setCookies(w http.ResponseWriter, id string) {
	http.SetCookie(w, s.cookie(id))
	http.SetCookie(w, &http.Cookie{Name: "__Host-language", Value: "en", Path: "/", Secure: !s.faults["other-cookie-insecure"]})
}

// of returns the session of the cookie, if there is one and it goes on.
func (s *server) of(r *http.Request) *session {
	cookie, err := r.Cookie(s.cookieName())
	if err != nil {
		return nil
	}
	if one := s.sessions[cookie.Value]; one != nil && !one.ended {
		return one
	}
	return nil
}

func (s *server) me(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of(r) == nil {
		if s.faults["fixation"] {
			http.SetCookie(w, s.cookie(random())) // an id before the login
		}
		http.Error(w, "nobody is signed in", http.StatusUnauthorized)
		return
	}
	if s.faults["page-cached"] {
		w.Header().Set("Cache-Control", "public, max-age=60")
	}
	answer(w, map[string]string{"user": "ada"})
}

func (s *server) api(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.access[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if one == nil || one.ended && !s.faults["logout-keeps-token"] {
		http.Error(w, "no", http.StatusUnauthorized)
		return
	}
	answer(w, map[string]string{"user": "ada"})
}

func (s *server) refreshes(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Token string `json:"refresh_token"`
	}
	_ = json.NewDecoder(r.Body).Decode(&body)
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.refresh[body.Token]
	switch {
	case one == nil || one.ended:
		http.Error(w, "no", http.StatusUnauthorized)
		return
	case body.Token != one.current && !s.faults["refresh-grace"]:
		one.ended = !s.faults["refresh-no-reuse"]
		http.Error(w, "no", http.StatusUnauthorized)
		return
	case body.Token == one.current && !s.faults["refresh-same"]:
		one.current = random()
		s.refresh[one.current] = one
	}
	access := s.token()
	s.access[access] = one
	answer(w, map[string]string{"access_token": access, "refresh_token": one.current})
}

func (s *server) logout(w http.ResponseWriter, r *http.Request) {
	if !s.faults["logout-csrf"] && !s.own(r) {
		http.Error(w, "cross-site", http.StatusForbidden)
		return
	}
	s.end(w, r)
}

func (s *server) end(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.of(r); one != nil && !s.faults["logout-keeps-session"] {
		one.ended = true
	}
	if !s.faults["logout-keeps-cookie"] {
		gone := s.cookie("")
		gone.MaxAge, gone.Expires = -1, time.Unix(1, 0)
		http.SetCookie(w, gone)
	}
	answer(w, map[string]string{})
}
