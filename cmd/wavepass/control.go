package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// While `wavepass local` runs, its database is locked. So it listens on a socket in its data folder, which only
// its owner can enter, and carries out there what other commands are asked to do with that folder.

const (
	controlName    = "control.sock"
	maxControlCall = 64 << 10 // bytes of arguments
	controlTime    = time.Minute
)

type controlCall struct {
	Args  []string `json:"args"`
	Input string   `json:"input"` // what the command has read from standard input
}

type controlAnswer struct {
	Out   string `json:"out"`
	Log   string `json:"log"`
	Error string `json:"error"`
}

// askRunning has the `wavepass local` that owns the folder run a command. It reports whether there is one.
func askRunning(ctx context.Context, folder string, in invocation, o output) (bool, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", filepath.Join(folder, controlName))
	if err != nil {
		return false, nil // nobody listens
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	call := controlCall{Args: in.args}
	if in.input != nil {
		call.Input = in.input.read
	}
	if err := json.NewEncoder(conn).Encode(call); err != nil {
		return true, fmt.Errorf("ask the running wavepass local: %w", err)
	}
	var answer controlAnswer
	if err := json.NewDecoder(conn).Decode(&answer); err != nil {
		if ctx.Err() != nil {
			return true, ctx.Err()
		}
		return true, fmt.Errorf("the running wavepass local gave no answer: %w", err)
	}
	_, _ = io.WriteString(o.out, answer.Out)
	_, _ = io.WriteString(o.log, answer.Log)
	if answer.Error != "" {
		return true, errors.New(answer.Error)
	}
	return true, nil
}

// control listens in the folder. A socket where nobody listens is of a process that has died.
func control(folder string) (net.Listener, error) {
	path := filepath.Join(folder, controlName)
	if conn, err := net.Dial("unix", path); err == nil {
		_ = conn.Close()
		return nil, errors.New("another wavepass local uses it")
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = listener.Close()
		return nil, err
	}
	return listener, nil
}

// serveControl answers until the listener is closed, and then waits for what is under way.
func serveControl(ctx context.Context, listener net.Listener, a admin, log *slog.Logger) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		wg.Go(func() {
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(controlTime))
			var call controlCall
			if err := json.NewDecoder(io.LimitReader(conn, maxControlCall)).Decode(&call); err != nil {
				return
			}
			log.Info("command", "name", strings.Join(call.Args[:min(2, len(call.Args))], " ")) // the rest may be secret
			_ = json.NewEncoder(conn).Encode(carryOut(ctx, call, a))
		})
	}
}

func carryOut(ctx context.Context, call controlCall, a admin) (answer controlAnswer) {
	defer func() {
		if fault := recover(); fault != nil {
			answer = controlAnswer{Error: fmt.Sprintf("the command failed: %v", fault)}
		}
	}()
	var out, log bytes.Buffer
	ctx, cancel := context.WithTimeout(ctx, controlTime)
	defer cancel()
	err := parseAndRun(ctx, &adminCommands{}, output{&out, &log}, invocation{call.Args, &a, &input{from: strings.NewReader(call.Input)}})
	answer = controlAnswer{Out: out.String(), Log: log.String()}
	if err != nil {
		answer.Error = err.Error()
	}
	return answer
}
