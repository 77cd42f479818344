package main

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"log"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// The clients of clients.yaml that people use the shop with.
const (
	clientWeb   = "shop-web"
	clientApp   = "shop-app"
	scopeOrders = "orders:read"
)

const maxBody = 16 << 10 // bytes

//go:embed pages
var files embed.FS

var pages = template.Must(template.ParseFS(files, "pages/*.html"))

// shop answers the requests of browsers and apps.
type shop struct {
	users    *users
	wavepass *wavepass
}

func newShop(u *users, w *wavepass) http.Handler {
	s := &shop{u, w}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /pages/{file}", s.file)
	mux.HandleFunc("GET /sign-in", func(w http.ResponseWriter, _ *http.Request) { s.form(w, http.StatusOK, "") })
	mux.HandleFunc("POST /sign-in", s.signIn)
	mux.HandleFunc("POST /api/sign-in", s.signInApp)
	mux.HandleFunc("GET /api/orders", s.asUser(s.orders))
	mux.HandleFunc("GET /api/devices", s.asUser(s.devices))
	mux.HandleFunc("DELETE /api/devices/{session}", s.asUser(s.endDevice))
	mux.HandleFunc("DELETE /api/devices", s.asUser(s.endDevices))
	mux.HandleFunc("POST /api/password", s.asUser(s.changePassword))
	mux.HandleFunc("POST /api/users/{id}/disable", s.asUser(s.disable))
	// A form of another site could sign a visitor in as somebody else.
	return http.NewCrossOriginProtection().Handler(mux)
}

// beginFor begins a session for whoever has this address and password.
func (s *shop) beginFor(ctx context.Context, email, password, client, device string) (begun, error) {
	u, err := s.users.letIn(ctx, email, password)
	if err != nil {
		return begun{}, err
	}
	session, err := s.wavepass.begin(ctx, u, client, device)
	if isRefusal(err, http.StatusForbidden) {
		log.Print(err) // an operator of Wavepass has disabled the account, or clients.yaml does not fit
		return begun{}, errNotLetIn
	}
	if err != nil {
		return begun{}, err
	}
	// Whoever disables a user or changes a password writes to the table first and ends the sessions then. This session may have begun between the two.
	if still, err := s.users.stillIn(ctx, u); err != nil || !still {
		return begun{}, errors.Join(errNotLetIn, err, s.wavepass.endAll(ctx, u.ID))
	}
	return session, nil
}

// signIn answers the login form. The browser gets the cookie of its session, and the page that it is led to an access token for it.
func (s *shop) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	session, err := s.beginFor(r.Context(), r.PostFormValue("email"), r.PostFormValue("password"), clientWeb, "a browser")
	switch {
	case errors.Is(err, errNotLetIn):
		s.form(w, http.StatusUnauthorized, "That address and password do not belong together.")
	case err != nil:
		log.Print(err)
		s.form(w, http.StatusServiceUnavailable, "Signing in does not work at the moment. Try again shortly.")
	default:
		for _, cookie := range session.Cookies {
			w.Header().Add("Set-Cookie", cookie)
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// signInApp answers the login of an app with the tokens of its session.
func (s *shop) signInApp(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Email    string `json:"email"`
		Password string `json:"password"`
		Device   string `json:"device"`
	}
	if !decode(w, r, &in) {
		return
	}
	session, err := s.beginFor(r.Context(), in.Email, in.Password, clientApp, in.Device)
	answer(w, session, err)
}

// orders is what this back end is for.
func (s *shop) orders(w http.ResponseWriter, _ *http.Request, u user, _ caller) {
	answer(w, map[string]any{"email": u.Email, "role": u.Role, "orders": []string{"Foam board", "Wax"}}, nil)
}

func (s *shop) devices(w http.ResponseWriter, r *http.Request, u user, c caller) {
	list, err := s.wavepass.sessions(r.Context(), u.ID)
	for i := range list {
		list[i].Current = list[i].ID == c.session
	}
	answer(w, map[string]any{"devices": list}, err)
}

func (s *shop) endDevice(w http.ResponseWriter, r *http.Request, u user, _ caller) {
	answer(w, struct{}{}, s.wavepass.end(r.Context(), u.ID, r.PathValue("session")))
}

func (s *shop) endDevices(w http.ResponseWriter, r *http.Request, u user, _ caller) {
	answer(w, struct{}{}, s.wavepass.endAll(r.Context(), u.ID))
}

// changePassword ends all sessions, also the caller's: it may be a thief's.
func (s *shop) changePassword(w http.ResponseWriter, r *http.Request, u user, _ caller) {
	var in struct {
		Current string `json:"current"`
		New     string `json:"new"`
	}
	if !decode(w, r, &in) {
		return
	}
	if len(in.New) < minPassword || len(in.New) > maxPassword {
		refuse(w, http.StatusBadRequest, "invalid_request", "new: want 8 to 72 bytes")
		return
	}
	proved, err := s.users.letIn(r.Context(), u.Email, in.Current)
	if err == nil {
		err = s.users.setPassword(r.Context(), proved, in.New)
	}
	if err == nil {
		err = s.wavepass.endAll(r.Context(), u.ID)
	}
	answer(w, struct{}{}, err)
}

// disable is for people with the role admin. It may be repeated until Wavepass has answered; the user cannot sign in from the first time on.
func (s *shop) disable(w http.ResponseWriter, r *http.Request, u user, _ caller) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if u.Role != "admin" || err != nil {
		refuse(w, http.StatusForbidden, "access_denied", "only an admin disables users, by their number")
		return
	}
	err = s.users.disable(r.Context(), id)
	if errors.Is(err, errNotLetIn) {
		refuse(w, http.StatusNotFound, "not_found", "there is no such user")
		return
	}
	if err == nil {
		err = s.wavepass.disable(r.Context(), id)
	}
	answer(w, struct{}{}, err)
}

// asUser asks Wavepass whose the access token of a request is, and the table whether they are a user.
func (s *shop) asUser(next func(http.ResponseWriter, *http.Request, user, caller)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !found || token == "" {
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, "invalid_token", "want Authorization: Bearer, and an access token")
			return
		}
		c, ok, err := s.wavepass.callerOf(r.Context(), token)
		if err != nil {
			answer(w, nil, err)
			return
		}
		u, err := s.users.byID(r.Context(), c.user)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			answer(w, nil, err)
			return
		}
		if !ok || err != nil || u.Disabled {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			refuse(w, http.StatusUnauthorized, "invalid_token", "the session has ended, or is no user's of this shop")
			return
		}
		next(w, r, u, c)
	}
}

// decode reads a body of JSON. Pages of other sites cannot send this media type unless the browser asks first.
func decode(w http.ResponseWriter, r *http.Request, into any) bool {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "invalid_request", "want Content-Type: application/json")
		return false
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(into); err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request", "want a JSON object of at most 16 KB")
		return false
	}
	return true
}

// answer sends a value, or says what kept the shop from it.
func answer(w http.ResponseWriter, value any, err error) {
	switch {
	case errors.Is(err, errNotLetIn):
		refuse(w, http.StatusUnauthorized, "invalid_credentials", "that address and password do not belong together")
	case err != nil:
		log.Print(err)
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, "temporarily_unavailable", "not certain whether it was done; try again shortly")
	default:
		send(w, http.StatusOK, value)
	}
}

func refuse(w http.ResponseWriter, status int, code, description string) {
	send(w, status, map[string]string{"error": code, "error_description": description})
}

func send(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		log.Print(err)
		status, text = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store") // tokens, and what is one person's
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n'))
}
