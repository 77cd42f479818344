package main

import (
	"crypto/sha1" // of the handshake of WebSockets
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// handshakes opens WebSockets as API Gateway does: where the authorizer lets the browser's request through.
type handshakes struct {
	*canaryService
	mu   sync.Mutex
	seen map[string]http.Header // by origin
}

func (h *handshakes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.seen[r.Header.Get("Origin")] = r.Header.Clone()
	h.mu.Unlock()
	headers := map[string]string{"Host": r.Host}
	for name, values := range r.Header {
		headers[name] = strings.Join(values, "; ")
	}
	event, err := json.Marshal(map[string]any{
		"type": "REQUEST", "methodArn": "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/$connect",
		"headers": headers, "multiValueHeaders": r.Header,
		"requestContext": map[string]string{"apiId": "abc123", "routeKey": "$connect", "eventType": "CONNECT", "stage": "prod"},
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer, err := h.authorizer.Invoke(r.Context(), event)
	if err != nil || !strings.Contains(string(answer), `"Allow"`) {
		http.Error(w, "", http.StatusForbidden)
		return
	}
	digest := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	h.t.Cleanup(func() { _ = connection.Close() })
	_, _ = connection.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(digest[:]) + "\r\n\r\n"))
}

// TestChromiumSiteSocket opens WebSockets from pages of the site and from others. The handshake carries the cookies of the host's other ports, the
// Strict one too, so the authorizer goes by the Origin.
func TestChromiumSiteSocket(t *testing.T) {
	needChromium(t)
	h := &handshakes{canaryService: newCanaryService(t), seen: map[string]http.Header{}}
	h.begin()
	const page = "http://localhost:8080"
	handle := h.login("login at a site", 200, "site", "ada", canaryPassword, "Origin", page).refresh
	refresh := h.login("login in a browser", 200, "web", "ada", canaryPassword, "Origin", webOrigin).refresh
	server := httptest.NewServer(h)
	defer server.Close()
	drive(t, "cases.mjs", "socket", map[string]string{
		"other": strings.Replace(server.URL, "http://127.0.0.1", "ws://localhost", 1), "api": page, "handle": handle, "refresh": refresh,
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, origin := range []string{page, "http://localhost:8081"} {
		cookies := h.seen[origin].Get("Cookie")
		if !strings.Contains(cookies, handle) || !strings.Contains(cookies, refresh) {
			t.Errorf("the handshake from %s carries %d of the cookies' bytes: this browser keeps them back, so the refusal shows nothing", origin, len(cookies))
		}
		t.Logf("%s: Sec-Fetch-Site %q", origin, h.seen[origin].Values("Sec-Fetch-Site"))
	}
}

// handleOfEve signs Eve in at the demo site, and returns the value of her cookie.
func handleOfEve(s *server, data, origin string) string {
	s.t.Helper()
	_, err := typed(s.t, "a-wave-of-her-own", "account", "add", "eve", "--data", data)
	check(s.t, err)
	got := s.do("POST", "/login", mediaJSON, `{"client_id":"site","username":"eve","password":"a-wave-of-her-own"}`, "Origin", origin)
	s.want("login of Eve", got, http.StatusOK, "")
	for _, cookie := range (&http.Response{Header: got.Header}).Cookies() {
		if strings.Contains(cookie.Name, "wpss-") {
			return cookie.Value
		}
	}
	s.t.Fatal("no handle")
	return ""
}

// TestChromiumSiteBesideANeighbour has a page on a sibling domain plant the handle of a session of its own.
func TestChromiumSiteBesideANeighbour(t *testing.T) {
	needChromium(t)
	for name, cookieDomain := range map[string]string{"neighbour": "", "swap": "id.example.test"} {
		t.Run(name, func(t *testing.T) {
			f, data := newFront(t, "id.example.test"), t.TempDir()
			s, api := f.serve("id.example.test", data, cookieDomain), f.address("id.example.test")
			drive(t, "cases.mjs", name, map[string]string{"api": api, "handle": handleOfEve(s, data, api)})
		})
	}
}
