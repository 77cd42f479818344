package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// device is a session of the visitor's account, as Wavepass lists it. Times are seconds since 1970.
type device struct {
	ID         string `json:"id"`
	Device     string `json:"device"`
	Network    string `json:"network"`
	LastUsedAt int64  `json:"last_used_at"`
	Current    bool   `json:"current"`
}

func (d device) Used() string { return time.Unix(d.LastUsedAt, 0).UTC().Format("2 January, 15:04 UTC") }

// deviceName is what a person may know their browser by. Nothing depends on it.
func deviceName(r *http.Request) string {
	agent := r.UserAgent()
	first := func(names ...string) string {
		for i := 0; i < len(names); i += 2 {
			if strings.Contains(agent, names[i]) {
				return names[i+1]
			}
		}
		return ""
	}
	browser := first("Firefox/", "Firefox", "Edg/", "Edge", "Chrome/", "Chrome", "Safari/", "Safari")
	system := first("iPhone", "an iPhone", "iPad", "an iPad", "Android", "Android", "Windows", "Windows", "Mac OS X", "a Mac", "Linux", "Linux")
	if browser == "" || system == "" {
		return ""
	}
	return browser + " on " + system
}

// wavepassTime bounds how long a page waits for Wavepass.
const wavepassTime = 5 * time.Second

// errWavepass says that Wavepass has answered something else than was asked of it.
var errWavepass = errors.New("Wavepass answered otherwise")

// ofWavepass sends the visitor's own cookie on to a route of Wavepass. Wavepass's authorizer stands before it, as before the shop's
// routes. There is no browser between, which would say where the request comes from, so the CSRF token says it.
func (s *site) ofWavepass(r *http.Request, v visitor, method, path string) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(r.Context(), wavepassTime)
	defer cancel()
	out, err := http.NewRequestWithContext(ctx, method, s.places(r).wavepass+path, nil)
	if err != nil {
		return 0, nil, err
	}
	for _, cookie := range r.Cookies() {
		if strings.Contains(cookie.Name, "-wpss-") { // the others are none of Wavepass's business
			out.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
		}
	}
	out.Header.Set("X-CSRF-Token", v.CSRF)
	answer, err := http.DefaultClient.Do(out)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return answer.StatusCode, body, err
}

func (s *site) devices(w http.ResponseWriter, r *http.Request, v visitor) {
	status, body, err := s.ofWavepass(r, v, http.MethodGet, "/site/sessions")
	var list struct {
		Sessions []device `json:"sessions"`
	}
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%w: %d", errWavepass, status)
	}
	if err == nil {
		err = json.Unmarshal(body, &list)
	}
	if err != nil {
		s.unavailable(w, r, fmt.Errorf("list of sessions: %w", err))
		return
	}
	s.show(w, r, http.StatusOK, "devices.html", list.Sessions)
}

var sessionID = regexp.MustCompile(`^[0-9a-f-]{36}$`)

func (s *site) endDevice(w http.ResponseWriter, r *http.Request, v visitor) {
	sid := r.PathValue("sid")
	if !sessionID.MatchString(sid) {
		s.problem(w, r, http.StatusNotFound, "There is no such device.")
		return
	}
	status, _, err := s.ofWavepass(r, v, http.MethodDelete, "/site/sessions/"+sid)
	if err == nil && status != http.StatusOK && status != http.StatusNotFound { // not found: it has ended already, as was asked for
		err = fmt.Errorf("%w: %d", errWavepass, status)
	}
	if err != nil {
		s.unavailable(w, r, fmt.Errorf("end a session: %w", err))
		return
	}
	http.Redirect(w, r, "/devices", http.StatusSeeOther)
}
