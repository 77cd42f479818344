//go:build unix

// Package lambdaruntime runs the program of a Lambda function as Lambda does, for tests: it serves the Runtime API on the loopback
// address, hands the program one event after another with its deadline, and freezes the process in between. It knows nothing of
// what the events mean.
package lambdaruntime

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startTime bounds how long a program may take until it asks for its first event.
const startTime = time.Minute

// Config says what to run.
type Config struct {
	Program     string
	Environment []string // "NAME=value" each; what Lambda itself sets is added, as `sam local` would, and nothing is inherited
	Concurrency int      // how many events it is given at once; 0: one, and then it is frozen in between
}

// Function is a process that runs a function. It ends with the test.
type Function struct {
	tb          testing.TB
	run         *exec.Cmd
	concurrency int
	log         buffer

	events chan event
	asked  chan struct{} // one for each time that the program asks for an event
	ended  chan struct{} // closed when the process has ended

	mu        sync.Mutex
	last      int                    // number of the event that was given last
	answers   map[string]chan Answer // by the request id of an event that has none yet
	initError []byte
}

type event struct {
	id       string
	payload  []byte
	deadline time.Time
}

// Answer is how the processing of an event ended.
type Answer struct {
	Payload  []byte // the answer, or the error that was told; nil for neither
	Failed   bool   // an error was told
	Ended    bool   // the process has ended, after it or instead of it
	TimedOut bool   // nothing came before the deadline, and the process was killed, as Lambda does
	Took     time.Duration
}

// Start starts the program. Without concurrency the function is frozen as soon as it asks for an event.
func Start(tb testing.TB, c Config) *Function {
	tb.Helper()
	f := &Function{
		tb: tb, concurrency: max(c.Concurrency, 1),
		events: make(chan event), asked: make(chan struct{}, 1024), ended: make(chan struct{}), answers: map[string]chan Answer{},
	}
	const base = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+base+"invocation/next", f.next)
	mux.HandleFunc("POST "+base+"invocation/{id}/response", f.take(false))
	mux.HandleFunc("POST "+base+"invocation/{id}/error", f.take(true))
	mux.HandleFunc("POST "+base+"init/error", f.takeInitError)
	api := httptest.NewServer(mux)
	f.run = exec.Command(c.Program)
	f.run.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(api.URL, "http://"), "AWS_LAMBDA_FUNCTION_NAME=function", "AWS_LAMBDA_FUNCTION_VERSION=1",
		"AWS_SAM_LOCAL=true", "AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023", "AWS_REGION=eu-central-1", "_HANDLER=bootstrap", "TZ=:UTC",
		"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_SESSION_TOKEN=local",
	}, c.Environment...)
	if c.Concurrency > 1 {
		f.run.Env = append(f.run.Env, "AWS_LAMBDA_MAX_CONCURRENCY="+strconv.Itoa(c.Concurrency))
	}
	f.run.Stdout, f.run.Stderr = &f.log, &f.log
	if err := f.run.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() {
		_ = f.run.Wait() // how it ended is in its state
		close(f.ended)
	}()
	tb.Cleanup(func() {
		f.kill()
		api.CloseClientConnections()
		api.Close()
	})
	return f
}

// Ready waits until the program has asked for its first event, and reports whether it has. When it has not, it has ended.
func (f *Function) Ready() bool {
	f.tb.Helper()
	started := time.NewTimer(startTime)
	defer started.Stop()
	for range f.concurrency {
		select {
		case <-f.asked:
		case <-f.ended:
			return false
		case <-started.C:
			f.tb.Fatalf("it has not asked for an event within %s: %s", startTime, f.Log())
		}
	}
	f.freeze()
	return true
}

// Invoke gives a function that is ready an event, and waits until it is answered and the program asks for the next one, or has
// ended. It may be called by as many at once as the function's concurrency.
func (f *Function) Invoke(payload []byte, timeout time.Duration) (a Answer) {
	f.tb.Helper()
	start := time.Now()
	e := event{id: f.newID(), payload: payload, deadline: start.Add(timeout)}
	answered := make(chan Answer, 1)
	f.mu.Lock()
	f.answers[e.id] = answered
	f.mu.Unlock()
	defer func() { a.Took = time.Since(start) }()
	f.thaw()
	tooLate := time.NewTimer(timeout)
	defer tooLate.Stop()
	select {
	case f.events <- e:
	case <-f.ended:
		return Answer{Ended: true}
	}
	select {
	case a = <-answered:
	case <-f.ended:
		return Answer{Ended: true}
	case <-tooLate.C:
		f.kill()
		return Answer{Ended: true, TimedOut: true}
	}
	select {
	case <-f.asked:
		f.freeze()
	case <-f.ended:
		a.Ended = true
	case <-tooLate.C:
		f.kill()
		a.Ended, a.TimedOut = true, true
	}
	return a
}

// Log is what the program has printed so far.
func (f *Function) Log() string { return f.log.String() }

// InitError is what the program has told the Runtime API about its start; nil when it has told nothing.
func (f *Function) InitError() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.initError
}

// ExitCode is the status of a process that has ended; -1 for one that was killed.
func (f *Function) ExitCode() int {
	<-f.ended
	return f.run.ProcessState.ExitCode()
}

// PID is the process's.
func (f *Function) PID() int { return f.run.Process.Pid }

func (f *Function) newID() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	return fmt.Sprintf("8476a536-e9f4-11e8-9739-%012d", f.last)
}

func (f *Function) freeze() {
	if f.concurrency == 1 {
		_ = f.run.Process.Signal(syscall.SIGSTOP)
	}
}

func (f *Function) thaw() {
	if f.concurrency == 1 {
		_ = f.run.Process.Signal(syscall.SIGCONT)
	}
}

func (f *Function) kill() {
	_ = f.run.Process.Kill() // also one that is frozen
	<-f.ended
}

// next hands out the next event as soon as there is one.
func (f *Function) next(w http.ResponseWriter, r *http.Request) {
	f.asked <- struct{}{}
	var e event
	select {
	case e = <-f.events:
	case <-r.Context().Done():
		return
	}
	for name, value := range map[string]string{
		"Lambda-Runtime-Aws-Request-Id":       e.id,
		"Lambda-Runtime-Deadline-Ms":          strconv.FormatInt(e.deadline.UnixMilli(), 10),
		"Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:function:live",
		"Lambda-Runtime-Trace-Id":             "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
		"Content-Type":                        "application/json",
	} {
		w.Header().Set(name, value)
	}
	_, _ = w.Write(e.payload)
}

// take takes the answer to an event, once.
func (f *Function) take(failed bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		payload, err := io.ReadAll(r.Body)
		id := r.PathValue("id")
		f.mu.Lock()
		answered, waiting := f.answers[id]
		delete(f.answers, id)
		f.mu.Unlock()
		if err != nil || !waiting {
			http.Error(w, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"status":"OK"}`)
		answered <- Answer{Payload: payload, Failed: failed}
	}
}

func (f *Function) takeInitError(w http.ResponseWriter, r *http.Request) {
	payload, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	f.initError = payload
	f.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

// buffer is what a process prints while others read it.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
