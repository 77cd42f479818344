//go:build unix

package lambdaruntime_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/wavepass/wavepass/internal/lambdaruntime"
)

// asFunction has this test binary be the function.
const asFunction = "LAMBDARUNTIME_TEST_IS_THE_FUNCTION"

func TestMain(m *testing.M) {
	switch os.Getenv(asFunction) {
	case "":
		os.Exit(m.Run())
	case "refuses":
		fmt.Println("cannot start")
		os.Exit(3)
	default:
		met.Add(together)
		lambda.Start(handle)
	}
}

// together is how many events "meet" waits for.
const together = 10

var met sync.WaitGroup

func handle(ctx context.Context, what string) (string, error) {
	deadline, _ := ctx.Deadline()
	about, _ := lambdacontext.FromContext(ctx)
	switch what {
	case "fail":
		return "", errors.New("this failed")
	case "panic":
		panic("this panicked")
	case "exit":
		os.Exit(7)
	case "wait":
		select {}
	case "meet":
		met.Done()
		met.Wait()
	}
	return fmt.Sprintf("%s %s %s %v", what, about.AwsRequestID, about.InvokedFunctionArn, time.Until(deadline) > 30*time.Second), nil
}

func start(t *testing.T, how string, concurrency int) *lambdaruntime.Function {
	t.Helper()
	return lambdaruntime.Start(t, lambdaruntime.Config{Program: os.Args[0], Environment: []string{asFunction + "=" + how}, Concurrency: concurrency})
}

func TestEventsAreAnsweredOneAfterAnother(t *testing.T) {
	f := start(t, "serves", 0)
	if !f.Ready() {
		t.Fatal(f.Log())
	}
	for n := range 3 {
		got := f.Invoke([]byte(`"hello"`), time.Minute)
		want := fmt.Sprintf(`"hello 8476a536-e9f4-11e8-9739-%012d arn:aws:lambda:eu-central-1:123456789012:function:function:live true"`, n+1)
		if string(got.Payload) != want || got.Failed || got.Ended || got.TimedOut {
			t.Errorf("%s %+v, want %s", got.Payload, got, want)
		}
	}
	if got := f.Invoke([]byte(`"fail"`), time.Minute); !got.Failed || got.Ended || !strings.Contains(string(got.Payload), "this failed") {
		t.Errorf("%s %+v, want an error, and a process that goes on", got.Payload, got)
	}
}

func TestProcessIsFrozenBetweenEvents(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("/proc is needed to see it")
	}
	f := start(t, "serves", 0)
	f.Ready()
	for range 2 {
		f.Invoke([]byte(`"hello"`), time.Minute)
		state := ""
		for deadline := time.Now().Add(10 * time.Second); state != "T" && time.Now().Before(deadline); {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", f.PID()))
			if err != nil {
				t.Fatal(err)
			}
			state = strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))[0]
		}
		if state != "T" {
			t.Errorf("the process is in the state %s, want it stopped", state)
		}
	}
}

func TestEndsAreSeen(t *testing.T) {
	for event, want := range map[string]lambdaruntime.Answer{
		"panic": {Failed: true, Ended: true}, "exit": {Ended: true}, "wait": {Ended: true, TimedOut: true},
	} {
		f := start(t, "serves", 0)
		f.Ready()
		timeout := time.Minute
		if event == "wait" {
			timeout = 100 * time.Millisecond
		}
		got := f.Invoke([]byte(`"`+event+`"`), timeout)
		code := map[string]int{"panic": 1, "exit": 7, "wait": -1}[event]
		if got.Failed != want.Failed || got.Ended != want.Ended || got.TimedOut != want.TimedOut || f.ExitCode() != code || got.Failed != strings.Contains(string(got.Payload), "this panicked") {
			t.Errorf("%s: %s %+v, status %d; want %+v, %d", event, got.Payload, got, f.ExitCode(), want, code)
		}
		if again := f.Invoke([]byte(`"hello"`), time.Minute); !again.Ended {
			t.Errorf("%s: a process that has ended answers %s", event, again.Payload)
		}
	}
}

func TestProgramThatDoesNotStartIsNotReady(t *testing.T) {
	f := start(t, "refuses", 0)
	if f.Ready() || f.ExitCode() != 3 || f.Log() != "cannot start\n" {
		t.Errorf("status %d, %q", f.ExitCode(), f.Log())
	}
}

func TestEventsAreGivenAtOnceToAFunctionThatTakesSeveral(t *testing.T) {
	f := start(t, "serves", together)
	f.Ready()
	var all sync.WaitGroup
	for range together {
		all.Go(func() {
			if got := f.Invoke([]byte(`"meet"`), time.Minute); got.TimedOut || got.Failed || !strings.HasPrefix(string(got.Payload), `"meet`) {
				t.Errorf("%s %+v, want an answer when all are there", got.Payload, got)
			}
		})
	}
	all.Wait()
}
