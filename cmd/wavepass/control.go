package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	privateName    = ".new"
	maxSocketPath  = 103     // bytes, on macOS; 107 on Linux
	maxControlCall = 1 << 20 // bytes of arguments and input
	controlTime    = time.Minute
	controlSlack   = 5 * time.Second // beyond which a server that was stopped is not waited for
	acceptPause    = 100 * time.Millisecond
	outputPage     = 32 << 10 // bytes after which what a command prints is sent
)

type controlCall struct {
	Args     []string `json:"args"`
	Operator string   `json:"operator"`
	Input    string   `json:"input"` // what the command has read from standard input
}

// controlAnswer is the next lines that a command prints, and at the end what became of it.
type controlAnswer struct {
	Out   string `json:"out"`
	More  bool   `json:"more,omitzero"` // another answer follows
	Log   string `json:"log"`
	Error string `json:"error"`
}

// askRunning has the `wavepass local` that owns the folder run a command. It reports whether there is one.
func askRunning(ctx context.Context, f folder, in invocation, o output) (bool, error) {
	f, err := f.closed()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return true, err
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", filepath.Join(f.Data, controlName))
	if err != nil {
		return false, nil // nobody listens
	}
	defer conn.Close()
	if err := checkPeer(conn, os.Geteuid()); err != nil {
		return true, fmt.Errorf("%s: %w: end it, or choose another folder with --data", f.Data, err)
	}
	if f.DynamoDB != "" {
		return true, errors.New("a running wavepass local has the folder, and the store that it was started with: leave --dynamodb out")
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	call := controlCall{Args: in.args, Operator: in.operator}
	if in.input != nil {
		call.Input = in.input.read
	}
	err = json.NewEncoder(conn).Encode(call)
	var answer controlAnswer
	for answers := json.NewDecoder(conn); err == nil; {
		_ = conn.SetDeadline(time.Now().Add(controlTime + controlSlack)) // each time anew: there may be much to print
		answer = controlAnswer{}
		if err = answers.Decode(&answer); err != nil {
			break
		}
		_, _ = io.WriteString(o.out, answer.Out)
		_, _ = io.WriteString(o.log, answer.Log)
		if !answer.More {
			break
		}
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return true, ctx.Err()
	case err != nil:
		return true, fmt.Errorf("the running wavepass local did not answer to the end: %w", err)
	case answer.Error != "":
		return true, errors.New(answer.Error)
	}
	return true, nil
}

// errLongPath says that the folder's path is too long for a socket in it.
var errLongPath = fmt.Errorf("a socket's path has at most %d bytes", maxSocketPath)

// control listens in the folder. A socket where nobody listens is of a process that has died.
func control(folder string) (net.Listener, error) {
	path := filepath.Join(folder, controlName)
	if len(path) > maxSocketPath-len(privateName)-1 {
		return nil, errLongPath
	}
	if conn, err := net.Dial("unix", path); err == nil {
		_ = conn.Close()
		return nil, errors.New("another wavepass local uses it")
	}
	// It begins in a folder of its own, so that at no moment anybody else can reach it.
	private := filepath.Join(folder, privateName)
	if err := errors.Join(os.RemoveAll(private), os.Mkdir(private, 0o700)); err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(private) }()
	begun := filepath.Join(private, controlName)
	listener, err := net.Listen("unix", begun)
	if err != nil {
		return nil, err
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false) // its name changes
	if err := errors.Join(os.Chmod(begun, 0o600), os.Rename(begun, path)); err != nil {
		_ = listener.Close()
		return nil, err
	}
	return controlListener{listener, path}, nil
}

type controlListener struct {
	net.Listener
	path string
}

// Close stops listening and removes the socket.
func (l controlListener) Close() error { return errors.Join(os.Remove(l.path), l.Listener.Close()) }

// serveControl answers until ctx is done, and then waits for what is under way.
func serveControl(ctx context.Context, listener net.Listener, a admin, log *slog.Logger) {
	var wg sync.WaitGroup
	defer wg.Wait()
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	for {
		conn, err := listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			log.Warn("a command could not be taken", "error", err.Error())
			time.Sleep(acceptPause) // too many open files, which passes
			continue
		}
		wg.Go(func() { serveCall(ctx, conn, a, log) })
	}
}

func serveCall(ctx context.Context, conn net.Conn, a admin, log *slog.Logger) {
	defer conn.Close()
	if err := checkPeer(conn, os.Geteuid()); err != nil {
		log.Warn("a command was refused", "error", err.Error())
		return
	}
	_ = conn.SetDeadline(time.Now().Add(controlTime))
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) }) // a caller that has sent nothing yet does not delay the end
	defer stop()
	var call controlCall
	if err := json.NewDecoder(io.LimitReader(conn, maxControlCall)).Decode(&call); err != nil {
		return
	}
	log.Info("command", "name", strings.Join(call.Args[:min(2, len(call.Args))], " ")) // the rest may be secret
	out := &pagedOutput{conn: conn}
	_ = out.send(carryOut(ctx, call, a, out))
}

// pagedOutput sends what a command prints while it runs, some lines at a time, so that neither side keeps all of it.
type pagedOutput struct {
	conn    net.Conn
	waiting []byte
	sent    func() // is called after each page, unless it is nil
}

// Write takes what is printed. It sends whole lines, and with them whole characters.
func (p *pagedOutput) Write(text []byte) (int, error) {
	p.waiting = append(p.waiting, text...)
	if len(p.waiting) < outputPage {
		return len(text), nil
	}
	end := bytes.LastIndexByte(p.waiting, '\n') + 1
	if end == 0 {
		return len(text), nil
	}
	if err := p.send(controlAnswer{Out: string(p.waiting[:end]), More: true}); err != nil {
		return 0, err
	}
	p.waiting = append(p.waiting[:0], p.waiting[end:]...)
	if p.sent != nil {
		p.sent()
	}
	return len(text), nil
}

func (p *pagedOutput) send(answer controlAnswer) error {
	_ = p.conn.SetWriteDeadline(time.Now().Add(controlTime))
	return json.NewEncoder(p.conn).Encode(answer)
}

// errNoProgress ends a command that has printed nothing for too long.
var errNoProgress = fmt.Errorf("the command took longer than %s", controlTime)

// carryOut runs a command. The answer ends what it has printed.
func carryOut(ctx context.Context, call controlCall, a admin, out *pagedOutput) (answer controlAnswer) {
	defer func() {
		if fault := recover(); fault != nil {
			answer = controlAnswer{Error: fmt.Sprintf("the command failed: %v", fault)}
		}
	}()
	var log bytes.Buffer
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limit := time.AfterFunc(controlTime, func() { cancel(errNoProgress) })
	defer limit.Stop()
	out.sent = func() { limit.Reset(controlTime) }
	err := parseAndRun(ctx, &adminCommands{}, output{out, &log}, invocation{call.Args, call.Operator, &a, &input{from: strings.NewReader(call.Input)}})
	answer = controlAnswer{Out: string(out.waiting), Log: log.String()}
	switch {
	case err != nil && errors.Is(context.Cause(ctx), errNoProgress):
		answer.Error = errNoProgress.Error()
	case err != nil:
		answer.Error = err.Error()
	}
	return answer
}
