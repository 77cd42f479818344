package main

import (
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/store/bolt"
)

// TestOrderOnALaptopIsAMailInTheOutbox uses the mailer that the function uses.
func TestOrderOnALaptopIsAMailInTheOutbox(t *testing.T) {
	folder := t.TempDir()
	file, err := bolt.Open(filepath.Join(folder, databaseName), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	d := data{store: file, close: func() { _ = file.Close() }}
	t.Cleanup(d.close)
	trail := &syncBuffer{}
	settings := endpoint.Settings{Now: time.Now}
	settings.Issuer, settings.Trail, settings.Looks = "http://localhost:3000", audit.NewTrail(trail, time.Now), endpoint.Looks{Name: "Shop"}
	_, stop, err := d.sendMails(t.Context(), settings, "", folder, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	o := mail.Order{ID: uuid.Must(uuid.NewV7()), Purpose: mail.PasswordChanged, Address: "ada@example.com", Language: "de", At: time.Now()}
	if err := d.store.PutOrder(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		found, err := filepath.Glob(filepath.Join(folder, outboxName, "*_password_changed_ada@example.com_*.txt"))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 1 {
			text, err := os.ReadFile(found[0])
			if err != nil || !strings.Contains(string(text), "Subject: Ihr Passwort für Shop wurde geändert") || !strings.Contains(string(text), "http://localhost:3000/") {
				t.Errorf("%s, %v", text, err)
			}
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("no mail; events %s", trail)
		}
	}
	if _, err := file.TakeOrder(t.Context(), o.ID, "another"); !errors.Is(err, mail.ErrTaken) {
		t.Errorf("the order: %v, want that it is taken", err)
	}
}

func TestTextsThatAreWrongEndTheCommandAtItsStart(t *testing.T) {
	t.Setenv("MAIL_TEXTS", t.TempDir())
	err := run(t.Context(), []string{"local", "--addr", "127.0.0.1:0", "--data", t.TempDir()}, output{&syncBuffer{}, &syncBuffer{}})
	if err == nil || !strings.Contains(err.Error(), "MAIL_TEXTS") || !strings.Contains(err.Error(), "layout.html") {
		t.Errorf("%v, want what is missing", err)
	}
}

func TestLocalServesTheOutboxAndSaysWhereItIs(t *testing.T) {
	folder := t.TempDir()
	s := start(t, "--data", folder)
	if !strings.Contains(s.greeting, "/outbox and in "+filepath.Join(folder, outboxName)) {
		t.Errorf("greeting %s", s.greeting)
	}
	if a := s.do(http.MethodGet, "/outbox", "", ""); a.Status != 200 || !strings.Contains(a.Body, "There are no mails yet") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}
