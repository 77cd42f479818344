package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// clientID is the public client that servers know which let us name it.
const clientID = "app"

// server is a running token endpoint.
type server struct {
	name     string
	keeps    string // where it keeps its sessions
	pid      int
	token    string // address of its token endpoint
	revokeAt string // address for revocations (RFC 7009); empty when it has none
	clientID string
	data     string // Wavepass's data folder
	session  func(context.Context) (refreshToken string, err error)
	turn     *sync.Mutex // for those that begin sessions one at a time
}

// peers are the servers of others, at their defaults. grace is how long they shall answer a refresh token that was used, where they have a setting for it; 0 for their default.
var peers = []struct {
	name     string
	hasGrace bool // has a setting for it, which is off by default
	start    func(l *lab, ctx context.Context, grace time.Duration) (server, error)
}{
	{"OpenAuth", false, func(l *lab, ctx context.Context, _ time.Duration) (server, error) {
		return l.startPeer(ctx, "OpenAuth", "openauth.mjs", "memory")
	}},
	{"oidc-provider", false, func(l *lab, ctx context.Context, _ time.Duration) (server, error) {
		return l.startPeer(ctx, "oidc-provider", "oidc-provider.mjs", "memory")
	}},
	{"Better Auth", true, func(l *lab, ctx context.Context, grace time.Duration) (server, error) {
		var setting []string
		if grace > 0 {
			setting = []string{fmt.Sprintf("REUSE_SECONDS=%.0f", grace.Seconds())}
		}
		return l.startPeer(ctx, "Better Auth", "better-auth.mjs", "the disk (SQLite)", setting...)
	}},
	{"Ory Hydra", true, func(l *lab, ctx context.Context, grace time.Duration) (server, error) {
		setting := ""
		if grace > 0 {
			setting = grace.String()
		}
		return l.startHydra(ctx, setting)
	}},
}

// servers starts Wavepass and those that it is compared with. minAge is Wavepass's ROTATION_MIN_AGE; empty for its default. What does not start is left out, and named on the page.
func (l *lab) servers(ctx context.Context, minAge string) ([]server, error) {
	own, err := l.startWavepass(ctx, minAge)
	if err != nil {
		return nil, err
	}
	all := []server{own}
	for _, p := range peers {
		s, err := p.start(l, ctx, 0)
		if err != nil {
			l.leaveOut(fmt.Sprintf("%s, which did not start here: %v", p.name, err))
			continue
		}
		all = append(all, s)
	}
	return all, ctx.Err()
}

// begin starts a program that ends with the lab, or before it with ctx: then nobody waits in vain for what it would say.
func (l *lab) begin(ctx context.Context, run *exec.Cmd) error {
	if err := run.Start(); err != nil {
		return err
	}
	forget := context.AfterFunc(ctx, func() { _ = run.Process.Kill() })
	l.atEnd(func() { forget(); _ = run.Process.Kill(); _ = run.Wait() })
	return nil
}

// startWavepass starts `wavepass local`, which writes each change to the disk before it answers.
func (l *lab) startWavepass(ctx context.Context, minAge string) (server, error) {
	program, err := l.wavepass()
	if err != nil {
		return server{}, err
	}
	address, err := freeAddress()
	if err != nil {
		return server{}, err
	}
	data := filepath.Join(l.work, newID())
	run := exec.Command(program, "local", "--data", data, "--addr", address)
	run.Env = append(os.Environ(), "ATTEMPT_LIMITS=100000/15m,100000/15m")
	if minAge != "" {
		run.Env = append(run.Env, "ROTATION_MIN_AGE="+minAge)
	}
	if err := l.begin(ctx, run); err != nil {
		return server{}, err
	}
	if err := waitFor(ctx, address); err != nil {
		return server{}, fmt.Errorf("wavepass local: %w", err)
	}
	return wavepassServer(run.Process.Pid, "http://"+address, data, clientID), nil
}

func wavepassServer(pid int, base, data, client string) server {
	return server{
		name: "Wavepass", keeps: "the disk (bbolt)", pid: pid, token: base + "/token", revokeAt: base + "/revoke", clientID: client, data: data, turn: new(sync.Mutex),
		session: func(ctx context.Context) (string, error) {
			return tokenOf(ctx, base+"/login", "application/json", `{"username":"demo@wavepass.local","password":"surf-the-cookie-wave","client_id":"`+client+`"}`)
		},
	}
}

// startPeer starts a server of Node, which prints where it is and how a session begins.
func (l *lab) startPeer(ctx context.Context, name, script, keeps string, environment ...string) (server, error) {
	if !l.node() {
		return server{}, errors.New("it needs Node: npm ci --prefix bench/peers")
	}
	run := exec.Command(l.nodeProgram(), "--no-warnings", filepath.Join(l.peers, script))
	run.Env, run.Stderr = append(append(os.Environ(), "NODE_ENV=production", "BENCH_FOLDER="+l.work), environment...), os.Stderr
	out, err := run.StdoutPipe()
	if err != nil {
		return server{}, err
	}
	if err := l.begin(ctx, run); err != nil {
		return server{}, err
	}
	var told struct {
		Token, Revoke, ClientID, LoginAt string
		Login                            map[string]string
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && told.Token == "" {
		if strings.HasPrefix(lines.Text(), "{") {
			if err := json.Unmarshal(lines.Bytes(), &told); err != nil {
				return server{}, err
			}
			break
		}
	}
	if told.Token == "" {
		return server{}, errors.New("it has ended without saying where it is")
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	s := server{name: name, keeps: keeps, pid: run.Process.Pid, token: told.Token, revokeAt: told.Revoke, clientID: cmp.Or(told.ClientID, clientID), turn: new(sync.Mutex)}
	s.session = func(ctx context.Context) (string, error) {
		form := url.Values{"user": {newID()}}
		for key, value := range told.Login {
			form.Set(key, value)
		}
		return tokenOf(ctx, cmp.Or(told.LoginAt, told.Token), formType, form.Encode())
	}
	return s, nil
}

const formType = "application/x-www-form-urlencoded"

// refused says that the token endpoint has answered, and has given no tokens.
type refused struct {
	status int
	body   string
}

// temporary reports whether a client shall ask again with the same token, as RFC 9110 has it of 503, and as one does of every other error of a server.
func (r refused) temporary() bool {
	return r.status >= http.StatusInternalServerError || r.status == http.StatusTooManyRequests
}

// patience is how often a client asks again.
const patience = 10

func (r refused) Error() string { return fmt.Sprintf("%d %s", r.status, r.body) }

// tokenOf sends a request and returns the refresh token of its answer.
func tokenOf(ctx context.Context, address, contentType, body string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", contentType)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	return readToken(response)
}

func readToken(response *http.Response) (string, error) {
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	var answer struct {
		RefreshToken string `json:"refresh_token"`
	}
	if response.StatusCode != http.StatusOK || json.Unmarshal(body, &answer) != nil || answer.RefreshToken == "" {
		return "", refused{response.StatusCode, string(body)}
	}
	return answer.RefreshToken, nil
}

func (s server) refreshForm(token string) string {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {s.clientID}}.Encode()
}

func (s server) revokeForm(token string) string {
	return url.Values{"token": {token}, "token_type_hint": {"refresh_token"}, "client_id": {s.clientID}}.Encode()
}

// refresh exchanges a refresh token as RFC 6749 §6 has it.
func (s server) refresh(ctx context.Context, token string) (string, error) {
	return tokenOf(ctx, s.token, formType, s.refreshForm(token))
}

// processorTimeOf is what a process has used so far, from what the kernel keeps for each of its threads.
func processorTimeOf(pid int) (time.Duration, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(threads) == 0 {
		return 0, fmt.Errorf("process %d: no thread found: %w", pid, errors.Join(err, os.ErrNotExist))
	}
	var sum time.Duration
	for _, file := range threads {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended meanwhile
		}
		used, _, _ := strings.Cut(string(text), " ")
		ns, err := strconv.ParseInt(used, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}
