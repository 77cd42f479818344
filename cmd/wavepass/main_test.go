package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// asProgram has this test binary be the program.
const asProgram = "WAVEPASS_TEST_IS_THE_PROGRAM"

// TestMain lets every refresh token rotate at once: these tests cannot wait for 10 seconds.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	if err := os.Setenv("ROTATION_MIN_AGE", "0s"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// program is the command line as a process of its own.
func program(t *testing.T, args ...string) (run *exec.Cmd, log *bytes.Buffer) {
	t.Helper()
	return programFor(t, time.Minute, args...)
}

// programFor is program, with another time after which it is killed.
func programFor(t *testing.T, longest time.Duration, args ...string) (run *exec.Cmd, log *bytes.Buffer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	t.Cleanup(cancel)
	run = exec.CommandContext(ctx, os.Args[0], args...)
	run.Env, log = append(os.Environ(), asProgram+"=1"), &bytes.Buffer{}
	run.Stderr = log
	return run, log
}

func TestOutputThatCannotBeWrittenIsAnError(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("this system has no device that is full: %v", err)
	}
	defer full.Close()
	data := deploymentInFolder(t)
	for name, args := range map[string][]string{
		"a list": {"account", "list", "--data", data}, "JSON": {"key", "list", "--json", "--data", data},
		"completion": {"completion", "bash"}, "version": {"--version"},
	} {
		run, log := program(t, args...)
		run.Stdout = full
		if err := run.Run(); run.ProcessState.ExitCode() != 1 || !strings.Contains(log.String(), "no space left") || strings.Count(log.String(), "\n") != 1 {
			t.Errorf("%s: %v, %q; want status 1, and one line that says why", name, err, log)
		}
	}
}

func TestInterruptedCommandSaysSoAndNoMore(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no interrupt there")
	}
	asked, release := make(chan struct{}), make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(asked); <-release }))
	defer silent.Close()
	defer close(release)
	run, log := program(t, "drill", silent.URL, "--data", t.TempDir())
	check(t, run.Start())
	<-asked
	check(t, run.Process.Signal(os.Interrupt))
	_ = run.Wait() // its status says more
	if code := run.ProcessState.ExitCode(); code != exitInterrupted || log.String() != "wavepass: interrupted\n" {
		t.Errorf("status %d, %q; want %d, and that it was interrupted", code, log, exitInterrupted)
	}
}

func TestAWrongCallNamesTheHelpOfItsCommand(t *testing.T) {
	for call, want := range map[string]string{
		"account add":             "`wavepass account add --help` says how it is called",
		"account":                 "`wavepass account --help` says how it is called",
		"account add ada --rolle": "`wavepass account add --help` says how it is called",
		"acount add":              "`wavepass --help` lists what there is",
		"":                        "`wavepass --help` lists what there is",
	} {
		_, _, err := command(t, strings.Fields(call)...)
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("wavepass %s: %v, want %q at the end", call, err, want)
		}
	}
}
