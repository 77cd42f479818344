package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/endpoint/authorizer"
	"github.com/wavepass/wavepass/pkg/session"
)

// TestInteropMCPBehindREST has an SDK call the example's server behind the authorizer of a REST API, with the example's policy and the challenges of its gateway
// responses. What a person takes back is felt at the next call, though the access token has a quarter of an hour to live.
func TestInteropMCPBehindREST(t *testing.T) {
	home := libraries(t)
	needs(t, "go")
	t.Setenv("ROTATION_MIN_AGE", session.DefaultMinAge.String())
	t.Setenv("REVOCATION_STALENESS", "1s")
	data := t.TempDir()
	first := start(t, "--data", data)
	api := httptest.NewUnstartedServer(nil)
	host := "http://" + api.Listener.Addr().String()
	resource := host + "/rest/mcp"
	on := func(args ...string) { t.Helper(); mustCommand(t, append(args, "--data", data)...) }
	on("account", "set-access", demoUsername, "--scope", "waves:read", "--scope", "boards:book", "--scope", "profile")
	on("client", "add", "assistant", "--kind", "native", "--third-party", "--redirect", "http://127.0.0.1/callback", "--scope", "waves:read", "--scope", "boards:book", "--audience", resource)
	policy, err := os.ReadFile(filepath.Join(mcpExample, "policy.yaml"))
	check(t, err)
	own := filepath.Join(t.TempDir(), "policy.yaml")
	check(t, os.WriteFile(own, []byte(strings.Replace(string(policy), "https://mcp.example.com/rest/mcp", resource, 1)), 0o600))
	on("policy", "apply", own, "--api", "mcprest123")
	check(t, first.stop())

	s, ask := serveInProcess(t, data)
	port := freeAddress(t)
	startMCPProgram(t, "PORT="+port, "ISSUER="+s.url, "HTTP_RESOURCE="+resource)
	api.Config.Handler = behindREST(ask, "127.0.0.1:"+port, host)
	api.Start()
	t.Cleanup(api.Close)

	m := &mcpServer{server: s, data: data, resource: resource}
	c := startMCPClient(t, "TypeScript 2", home, resource, "assistant")
	c.want("call whoami", 1, `["waves:read"]`)
	c.want("many forecast 4", 0, "Peniche")
	c.want("call book_board", 1, "board")
	m.takeBack(t, "assistant")
	time.Sleep(2 * time.Second) // the staleness of the denylist
	c.want("call whoami", 1, "assistant")
}

// serveInProcess serves the data of a server that has ended, and returns the authorizer beside it.
func serveInProcess(t *testing.T, dataFolder string) (*server, authorizer.Function) {
	t.Helper()
	front := httptest.NewUnstartedServer(nil)
	_, port, _ := strings.Cut(front.Listener.Addr().String(), ":")
	s := &server{t: t, url: "http://localhost:" + port, log: &syncBuffer{}}
	cfg, err := settings(map[string]string{"ISSUER": s.url})
	check(t, err)
	opened, err := folder{Data: dataFolder}.openData()
	check(t, err)
	t.Cleanup(opened.close)
	settings, err := endpoint.New(cfg, newLog(s.log), audit.NewTrail(s.log, time.Now), time.Now)
	check(t, err)
	functions := opened.functions(settings)
	routes, err := gateway.ReadTemplate(template, nil)
	check(t, err)
	front.Config.Handler, err = gateway.New(routes, behindGateway(functions), gateway.Options{Issuer: s.url, Log: slog.New(slog.DiscardHandler)})
	check(t, err)
	front.Start()
	t.Cleanup(front.Close)
	return s, functions.Authorizer
}

// behindREST is the example's REST API, whose address is host: the authorizer decides, and the gateway responses of its template tell clients how to go on.
func behindREST(ask authorizer.Function, function, host string) http.Handler {
	server := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: function})
	document := `, resource_metadata="` + host + `/.well-known/oauth-protected-resource/rest/mcp"`
	challenges := map[int]string{
		http.StatusUnauthorized: `Bearer scope="waves:read"` + document, http.StatusForbidden: `Bearer error="insufficient_scope", scope="waves:read"` + document,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusOK
		if !strings.HasPrefix(r.URL.Path, "/.well-known/") {
			var err error
			token, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			if status = http.StatusUnauthorized; isBearer {
				if status, err = statusOfREST(r.Context(), ask, "mcprest123", token); err != nil {
					status = http.StatusServiceUnavailable
				}
			}
		}
		if status != http.StatusOK {
			if challenges[status] != "" {
				w.Header().Set("WWW-Authenticate", challenges[status])
			}
			w.WriteHeader(status)
			return
		}
		server.ServeHTTP(w, r)
	})
}
