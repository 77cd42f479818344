package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/wavepass/wavepass/pkg/audit"
)

// terminal is a pseudo-terminal: what is written to keyboard is typed into screen.
func terminal(t *testing.T) (keyboard, screen *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal here: %v", err)
	}
	t.Cleanup(func() { _ = keyboard.Close() })
	control := func(request uintptr, value *int32) {
		t.Helper()
		if _, _, failed := syscall.Syscall(syscall.SYS_IOCTL, keyboard.Fd(), request, uintptr(unsafe.Pointer(value))); failed != 0 {
			t.Fatal(failed)
		}
	}
	var locked, number int32
	control(syscall.TIOCSPTLCK, &locked)
	control(syscall.TIOCGPTN, &number)
	screen, err = os.OpenFile(filepath.Join("/dev/pts", fmt.Sprint(number)), os.O_RDWR|syscall.O_NOCTTY, 0)
	check(t, err)
	t.Cleanup(func() { _ = screen.Close() })
	return keyboard, screen
}

// prompted types one answer at each prompt.
type prompted struct {
	bytes.Buffer
	keyboard *os.File
	answers  []string
}

func (p *prompted) Write(text []byte) (int, error) {
	if strings.HasSuffix(string(text), ": ") && len(p.answers) > 0 {
		_, _ = p.keyboard.WriteString(p.answers[0] + "\n")
		p.answers = p.answers[1:]
	}
	return p.Buffer.Write(text)
}

// atTerminal runs a command for a person who gives these answers.
func atTerminal(t *testing.T, answers []string, args ...string) error {
	t.Helper()
	keyboard, screen := terminal(t)
	log := &prompted{keyboard: keyboard, answers: answers}
	var out bytes.Buffer
	err := parseAndRun(t.Context(), &commands{}, output{&out, log}, invocation{args: args, operator: "grace", input: &input{from: screen}})
	if len(log.answers) > 0 {
		t.Errorf("%v: it did not ask for %q: %s", args, log.answers, log.String())
	}
	return err
}

func TestPersonTypesANewPasswordTwice(t *testing.T) {
	data := t.TempDir()
	s := start(t, "--data", data)
	add := []string{"account", "add", "ada", "--data", data}
	if err := atTerminal(t, []string{"first-canary-pass", "other-canary-pass"}, add...); err == nil || !strings.Contains(err.Error(), "differ") || strings.Contains(err.Error(), "canary") {
		t.Errorf("two passwords: %v, want that they differ", err)
	}
	check(t, atTerminal(t, []string{"first-canary-pass", "first-canary-pass"}, add...))
	s.want("login", s.loginAs("ada", "first-canary-pass"), 200, "")
}

func TestPersonConfirmsByTheNameOfTheThing(t *testing.T) {
	data := t.TempDir()
	start(t, "--data", data)
	revoke := []string{"revoke", "client", "app", "--data", data}
	if err := atTerminal(t, []string{"yes"}, revoke...); err == nil || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("another word than the client: %v, want nothing changed", err)
	}
	if events := as[[]audit.Event](t, "audit", "list", "--data", data); len(events) != 0 {
		t.Errorf("events %+v, want none", events)
	}
	check(t, atTerminal(t, []string{"app"}, revoke...))
	if events := as[[]audit.Event](t, "audit", "list", "--data", data); len(events) != 1 || events[0].Name != audit.ClientRevoked {
		t.Errorf("events %+v, want the revocation", events)
	}
}

func TestApplyTellsAPersonHowFarItIs(t *testing.T) {
	data := deploymentInFolder(t)
	file := filepath.Join(t.TempDir(), "clients.yaml")
	check(t, os.WriteFile(file, []byte(manyClients(120, "")), 0o600))
	apply := func(log io.Writer) {
		t.Helper()
		check(t, parseAndRun(t.Context(), &commands{}, output{io.Discard, log}, invocation{args: []string{"client", "apply", file, "--data", data}, operator: "grace", input: &input{}}))
	}
	seen, screen := terminal(t)
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(seen); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	apply(screen)
	check(t, screen.Close())
	var told []string
	for line := range lines { // ends when nobody has the screen any more
		if !strings.HasPrefix(line, "{") { // an audit event
			told = append(told, strings.TrimSpace(line))
		}
	}
	if want := []string{"50 of 120 changes are made", "100 of 120 changes are made"}; !slices.Equal(told, want) {
		t.Errorf("on a terminal it says %q, want %q", told, want)
	}

	check(t, os.WriteFile(file, []byte(strings.ReplaceAll(manyClients(120, ""), "orders:read", "orders:write")), 0o600))
	var log bytes.Buffer
	apply(&log)
	if strings.Contains(log.String(), "changes are made") || strings.Count(log.String(), "\n") != 120 {
		t.Errorf("to a script it says\n%s\nwant the events alone", log.String())
	}
}
