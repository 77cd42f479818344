package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clientID is the public client that every server knows.
const clientID = "app"

// server is a running token endpoint.
type server struct {
	name    string
	keeps   string // where it keeps its sessions
	pid     int
	token   string // address of its token endpoint
	session func(context.Context) (refreshToken string, err error)
}

// servers starts Wavepass and those that it is compared with. minAge is Wavepass's ROTATION_MIN_AGE; empty for its default.
func (l *lab) servers(minAge string) ([]server, error) {
	own, err := l.startWavepass(minAge)
	if err != nil {
		return nil, err
	}
	all := []server{own}
	if !l.node() {
		return all, nil
	}
	for _, p := range []struct{ name, script, keeps string }{
		{"OpenAuth", "openauth.mjs", "memory"}, {"oidc-provider", "oidc-provider.mjs", "memory"},
	} {
		s, err := l.startPeer(p.name, p.script, p.keeps)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		all = append(all, s)
	}
	return all, nil
}

// startWavepass starts `wavepass local`, which writes each change to the disk before it answers.
func (l *lab) startWavepass(minAge string) (server, error) {
	program, err := l.wavepass()
	if err != nil {
		return server{}, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") // to learn of a port that is free
	if err != nil {
		return server{}, err
	}
	address := listener.Addr().String()
	_ = listener.Close()
	run := exec.Command(program, "local", "--data", filepath.Join(l.work, newID()), "--addr", address)
	run.Env = append(os.Environ(), "ATTEMPT_LIMITS=100000/15m,100000/15m")
	if minAge != "" {
		run.Env = append(run.Env, "ROTATION_MIN_AGE="+minAge)
	}
	if err := run.Start(); err != nil {
		return server{}, err
	}
	l.atEnd(func() { _ = run.Process.Kill(); _ = run.Wait() })
	for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			_ = connection.Close()
			break
		}
		if time.Since(begin) > startTime {
			return server{}, fmt.Errorf("wavepass local does not answer: %w", err)
		}
	}
	base := "http://" + address
	return server{"Wavepass", "the disk (bbolt)", run.Process.Pid, base + "/token", func(ctx context.Context) (string, error) {
		return tokenOf(ctx, base+"/login", "application/json", `{"username":"demo@wavepass.local","password":"surf-the-cookie-wave","client_id":"`+clientID+`"}`)
	}}, nil
}

// startPeer starts a server of Node, which prints where it is and how a session begins.
func (l *lab) startPeer(name, script, keeps string) (server, error) {
	run := exec.Command("node", "--no-warnings", filepath.Join(l.peers, script))
	run.Env, run.Stderr = append(os.Environ(), "NODE_ENV=production"), os.Stderr
	out, err := run.StdoutPipe()
	if err != nil {
		return server{}, err
	}
	if err := run.Start(); err != nil {
		return server{}, err
	}
	l.atEnd(func() { _ = run.Process.Kill(); _ = run.Wait() })
	var told struct {
		Token, LoginAt string
		Login          map[string]string
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
	if told.LoginAt == "" {
		told.LoginAt = told.Token
	}
	return server{name, keeps, run.Process.Pid, told.Token, func(ctx context.Context) (string, error) {
		form := url.Values{"user": {newID()}}
		for key, value := range told.Login {
			form.Set(key, value)
		}
		return tokenOf(ctx, told.LoginAt, formType, form.Encode())
	}}, nil
}

const formType = "application/x-www-form-urlencoded"

// refused says that the token endpoint has answered, and has given no tokens.
type refused struct {
	status int
	body   string
}

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

func refreshForm(token string) string {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {clientID}}.Encode()
}

// refresh exchanges a refresh token as RFC 6749 §6 has it.
func (s server) refresh(ctx context.Context, token string) (string, error) {
	return tokenOf(ctx, s.token, formType, refreshForm(token))
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
