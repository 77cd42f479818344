package main

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
)

// onlyHosts refuses requests for any other host. A web page elsewhere can have its own name resolve to 127.0.0.1 (DNS
// rebinding): to the browser of somebody who develops here, this server is then that page's own origin.
func onlyHosts(allowed []string, next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostOf(r.Host)
		if isThisMachine(host, r) || slices.ContainsFunc(allowed, func(a string) bool { return strings.EqualFold(a, host) }) {
			next.ServeHTTP(w, r)
			return
		}
		log.Info("refused", "request_id", w.Header().Get(gateway.RequestIDHeader), "status", http.StatusMisdirectedRequest, "reason", "foreign Host")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusMisdirectedRequest)
		_ = json.MarshalWrite(w, map[string]string{
			"message": "this server does not answer for the host of this request; --allow-host makes it answer for one",
		})
	})
}

// isThisMachine reports whether a host can only be meant: no name server decides where it leads.
func isThisMachine(host string, r *http.Request) bool {
	name := strings.ToLower(host)
	if name == "localhost" || strings.HasSuffix(name, ".localhost") { // RFC 6761 §6.3
		return true
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ip.IsLoopback() || local != nil && hostOf(local.String()) == host
}

// hostOf is the host of an address like http://localhost:3000, localhost:3000 or [::1].
func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return u.Hostname()
	}
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return strings.Trim(address, "[]")
}
