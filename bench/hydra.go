package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// hydraRedirect is where the code of a login is sent. Nobody listens there: the code is read from the redirect.
const hydraRedirect = "http://127.0.0.1/cb"

// buildHydra builds Ory Hydra from its module, which takes about two minutes the first time, and needs a C compiler for SQLite.
func (l *lab) buildHydra(ctx context.Context) (string, error) {
	program := filepath.Join(l.work, "hydra")
	build := exec.CommandContext(ctx, "go", "build", "-p", "1", "-tags", "sqlite,json1", "-o", program, ".")
	build.Dir = "hydra"
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build hydra: %w\n%s", err, tail(out))
	}
	return program, nil
}

// tail is the end of what a program has printed.
func tail(out []byte) []byte { return out[max(0, len(out)-1000):] }

// startHydra starts Hydra at its defaults, on SQLite in a file. grace is its rotation_grace_period; empty for its default.
func (l *lab) startHydra(ctx context.Context, grace string) (server, error) {
	program, err := l.hydra()
	if err != nil {
		return server{}, err
	}
	public, err := freeAddress()
	if err != nil {
		return server{}, err
	}
	admin, err := freeAddress()
	if err != nil {
		return server{}, err
	}
	publicHost, publicPort, _ := net.SplitHostPort(public)
	adminHost, adminPort, _ := net.SplitHostPort(admin)
	base := "http://" + public
	environment := append(os.Environ(),
		"DSN=sqlite://"+filepath.Join(l.work, newID())+"?_fk=true", "SECRETS_SYSTEM=a-secret-for-the-comparison-only", "SQA_OPT_OUT=true", "LOG_LEVEL=error",
		"SERVE_PUBLIC_HOST="+publicHost, "SERVE_PUBLIC_PORT="+publicPort, "SERVE_ADMIN_HOST="+adminHost, "SERVE_ADMIN_PORT="+adminPort,
		"URLS_SELF_ISSUER="+base, "URLS_LOGIN="+base+"/login-page", "URLS_CONSENT="+base+"/consent-page",
	)
	if grace != "" {
		environment = append(environment, "OAUTH2_GRANT_REFRESH_TOKEN_ROTATION_GRACE_PERIOD="+grace)
	}
	migrate := exec.CommandContext(ctx, program, "migrate", "sql", "--read-from-env", "--yes")
	migrate.Env = environment
	if out, err := migrate.CombinedOutput(); err != nil {
		return server{}, fmt.Errorf("migrate: %w\n%s", err, tail(out))
	}
	run := exec.Command(program, "serve", "all", "--dev")
	run.Env = environment
	if err := l.begin(ctx, run); err != nil {
		return server{}, err
	}
	h := &hydra{public: base, admin: "http://" + admin}
	if err := waitFor(ctx, public, admin); err != nil {
		return server{}, fmt.Errorf("hydra: %w", err)
	}
	if err := h.addClient(ctx); err != nil {
		return server{}, err
	}
	return server{name: "Ory Hydra", keeps: "the disk (SQLite)", pid: run.Process.Pid, token: base + "/oauth2/token", revokeAt: base + "/oauth2/revoke", clientID: h.client, session: h.patientSession, turn: new(sync.Mutex)}, nil
}

// hydra is a running Hydra, whose pages for login and consent are played by session.
type hydra struct{ public, admin, client string }

// patientSession begins a session, and again where that fails: on SQLite Hydra answers 500 when writes meet.
func (h *hydra) patientSession(ctx context.Context) (token string, err error) {
	for range patience {
		if token, err = h.session(ctx); err == nil || ctx.Err() != nil {
			break
		}
	}
	return token, err
}

func (h *hydra) addClient(ctx context.Context) error {
	var answer struct {
		ClientID string `json:"client_id"`
	}
	err := h.ask(ctx, http.MethodPost, "/admin/clients", map[string]any{
		"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"}, "scope": "openid offline_access",
		"redirect_uris": []string{hydraRedirect}, "token_endpoint_auth_method": "none",
	}, &answer)
	h.client = answer.ClientID
	return err
}

// ask asks the admin API.
func (h *hydra) ask(ctx context.Context, method, path string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, h.admin+path, strings.NewReader(string(text)))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
		return fmt.Errorf("hydra: %s: %s: %s", path, response.Status, text)
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

// session takes a new person through the code flow: each page is a redirect whose challenge is accepted at the admin API.
func (h *hydra) session(ctx context.Context) (string, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	visitor := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	verifier := strings.ReplaceAll(newID()+newID(), "-", "")
	digest := sha256.Sum256([]byte(verifier))
	next := h.public + "/oauth2/auth?" + url.Values{
		"client_id": {h.client}, "redirect_uri": {hydraRedirect}, "response_type": {"code"}, "scope": {"openid offline_access"}, "state": {newID()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(digest[:])}, "code_challenge_method": {"S256"},
	}.Encode()
	for range 8 {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, next, nil)
		if err != nil {
			return "", err
		}
		response, err := visitor.Do(request)
		if err != nil {
			return "", err
		}
		_ = response.Body.Close()
		at, err := response.Location()
		if err != nil {
			return "", fmt.Errorf("hydra: login: %s: %w", response.Status, err)
		}
		q := at.Query()
		if code := q.Get("code"); code != "" {
			return tokenOf(ctx, h.public+"/oauth2/token", formType, url.Values{
				"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {hydraRedirect}, "client_id": {h.client}, "code_verifier": {verifier},
			}.Encode())
		}
		if next, err = h.page(ctx, at.String(), q); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("hydra: login: redirects without end")
}

// page answers a page of login or consent, and returns where it leads; any other address leads to itself.
func (h *hydra) page(ctx context.Context, at string, q url.Values) (string, error) {
	var answer struct {
		RedirectTo string `json:"redirect_to"`
	}
	if challenge := q.Get("login_challenge"); challenge != "" {
		err := h.ask(ctx, http.MethodPut, "/admin/oauth2/auth/requests/login/accept?"+url.Values{"login_challenge": {challenge}}.Encode(), map[string]any{"subject": newID()}, &answer)
		return answer.RedirectTo, err
	}
	if challenge := q.Get("consent_challenge"); challenge != "" {
		err := h.ask(ctx, http.MethodPut, "/admin/oauth2/auth/requests/consent/accept?"+url.Values{"consent_challenge": {challenge}}.Encode(),
			map[string]any{"grant_scope": []string{"openid", "offline_access"}}, &answer)
		return answer.RedirectTo, err
	}
	return at, nil
}

// freeAddress is an address of loopback that was free a moment ago.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// waitFor waits until all addresses take connections.
func waitFor(ctx context.Context, addresses ...string) error {
	begin := time.Now()
	for _, address := range addresses {
		for {
			connection, err := net.Dial("tcp", address)
			if err == nil {
				_ = connection.Close()
				break
			}
			if time.Since(begin) > startTime {
				return fmt.Errorf("%s does not answer: %w", address, err)
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}
