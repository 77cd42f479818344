package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"
)

// startTime bounds how long a function may take to ask for its first event, and then to answer it.
const startTime = 30 * time.Second

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

// launched is what a function has done since it was started.
type launched struct {
	asked    time.Duration // until it asked for its first event
	answered time.Duration // until it answered it; 0 where it was given none
	answer   []byte
	memory   float64       // MiB (RSS), at the last of these
	used     time.Duration // of a processor, until then
}

// launch starts a function, gives it an event, unless that is empty, and ends it.
func launch(ctx context.Context, command, environment []string, event []byte) (l launched, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return launched{}, err
	}
	var seen atomic.Bool
	var answer []byte
	asked, answered, failed := make(chan time.Time, 1), make(chan time.Time, 1), make(chan error, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		again := seen.Swap(true)
		if !again {
			asked <- time.Now()
		}
		if again || len(event) == 0 { // an event that does not come
			<-r.Context().Done()
			return
		}
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", newID())
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(startTime).UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:123456789012:function:function")
		_, _ = w.Write(event)
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		at := time.Now()
		answer, _ = io.ReadAll(r.Body)
		answered <- at
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("POST /2018-06-01/runtime/", func(w http.ResponseWriter, r *http.Request) { // errors, of the event and of the start
		text, _ := io.ReadAll(r.Body)
		failed <- fmt.Errorf("it has failed: %s", text)
		w.WriteHeader(http.StatusAccepted)
	})
	api := &http.Server{ReadHeaderTimeout: startTime, Handler: mux}
	go func() { _ = api.Serve(listener) }()
	defer func() { _ = api.Close() }()

	run := exec.CommandContext(ctx, command[0], command[1:]...)
	run.Env = append([]string{"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String(), "AWS_REGION=eu-central-1", "AWS_LAMBDA_FUNCTION_NAME=function", "AWS_SAM_LOCAL=true",
		"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "PATH=" + os.Getenv("PATH")}, environment...)
	run.Stderr = os.Stderr
	at := time.Now()
	if err := run.Start(); err != nil {
		return launched{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	defer func() { _ = run.Process.Kill() }()
	wait := func(moment <-chan time.Time) (time.Duration, error) {
		select {
		case m := <-moment:
			return m.Sub(at), nil
		case err := <-failed:
			return 0, err
		case err := <-ended:
			return 0, fmt.Errorf("it has ended: %w", err)
		case <-time.After(startTime):
			return 0, fmt.Errorf("it took more than %s", startTime)
		}
	}
	if l.asked, err = wait(asked); err != nil {
		return launched{}, fmt.Errorf("before it asked for an event: %w", err)
	}
	if len(event) > 0 {
		if l.answered, err = wait(answered); err != nil {
			return launched{}, fmt.Errorf("before it answered its first event: %w", err)
		}
		l.answer = answer
	}
	if l.used, err = processorTimeOf(run.Process.Pid); err != nil {
		return launched{}, err
	}
	l.memory, err = residentMiB(run.Process.Pid)
	return l, err
}

var residentLine = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`)

func residentMiB(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	found := residentLine.FindSubmatch(status)
	if found == nil {
		return 0, fmt.Errorf("/proc/%d/status has no VmRSS", pid)
	}
	kB, err := strconv.ParseFloat(string(found[1]), 64)
	return kB / 1024, err
}
