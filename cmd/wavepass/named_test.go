package main

import (
	"net/url"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/audit"
)

// startWithSubjects is a deployment in which the back end "shop" has begun a session for each subject.
func startWithSubjects(t *testing.T, data string, subjects ...string) (s *server, sessions map[string]answer) {
	t.Helper()
	t.Setenv("REVOCATION_STALENESS", "0s")
	s = start(t, "--data", data)
	bearer, sessions := "Bearer "+s.backEnd(data, "shop"), map[string]answer{}
	for _, id := range subjects {
		sessions[id] = s.do("POST", "/subjects/"+url.PathEscape(id)+"/sessions", mediaJSON, beginBody, "Authorization", bearer)
		s.want("begin for "+id, sessions[id], 200, "")
	}
	return s, sessions
}

// TestCommandsTakeTheUsersOfABackEnd goes through every command that is about an account, on the running server and on the idle folder.
func TestCommandsTakeTheUsersOfABackEnd(t *testing.T) {
	data := t.TempDir()
	s, sessions := startWithSubjects(t, data, "4711", "4712")
	for _, where := range []string{"running", "idle"} {
		if where == "idle" {
			check(t, s.stop())
		}
		shown := as[accountJSON](t, "account", "show", "shop/4711", "--data", data)
		if shown.Directory != "shop" || shown.Subject != "4711" || shown.Username != "" {
			t.Errorf("%s: shown %+v", where, shown)
		}
		if text := mustCommand(t, "account", "show", "shop/4711", "--data", data); !strings.Contains(text, "subject   shop/4711\n") {
			t.Errorf("%s: shown as\n%s", where, text)
		}
		if text := mustCommand(t, "account", "list", "--data", data); !strings.Contains(text, "\nshop/4711 ") || !strings.Contains(text, "\nshop/4712 ") {
			t.Errorf("%s: listed as\n%s", where, text)
		}
		for _, command := range [][]string{
			{"account", "set-access", "shop/4711", "--role", where}, {"account", "disable", "shop/4711"}, {"account", "enable", "shop/4711"}, {"revoke", "account", "shop/4711"},
		} {
			if got := as[result](t, append(command, "--data", data)...); !got.Changed || got.Directory != "shop" || got.SubjectID != "4711" || got.AccountID != shown.ID {
				t.Errorf("%s: %v: %+v", where, command, got)
			}
		}
		all := as[[]sessionJSON](t, "session", "list", "shop/4711", "--all", "--data", data)
		if len(all) != 1 || all[0].Ended == "" {
			t.Fatalf("%s: sessions %+v, want the one, which has ended", where, all)
		}
		if text := mustCommand(t, "session", "show", all[0].ID, "--account", "shop/4711", "--data", data); !strings.Contains(text, "account  shop/4711 (") {
			t.Errorf("%s: session\n%s", where, text)
		}
		if text := mustCommand(t, "revoke", "session", "shop/4711", all[0].ID, "--data", data); !strings.Contains(text, "of shop/4711\n") {
			t.Errorf("%s: %s", where, text)
		}
		if events := as[[]audit.Event](t, "audit", "list", "--account", "shop/4711", "--data", data); len(events) == 0 || events[0].Subject != shown.ID {
			t.Errorf("%s: events %+v", where, events)
		}
	}
	s = start(t, "--data", data)
	if s.refresh(sessions["4711"].RefreshToken).Status == 200 || s.refresh(sessions["4712"].RefreshToken).Status != 200 {
		t.Error("want 4711 out, and 4712 in")
	}
	mustCommand(t, "account", "delete", "shop/4711", "--yes", "--data", data)
	for says, args := range map[string][]string{
		"no session was begun for the subject 4711 of the directory shop": {"account", "show", "shop/4711"},
		"there is no account bank/4712":                                   {"account", "disable", "bank/4712"},
		"there is no account shop/a/b":                                    {"account", "show", "shop/a/b"},
		"username: want":                                                  {"account", "show", "a b"},
		"there is no account nobody; `wavepass account list`":             {"account", "show", "nobody", "--subject"},
	} {
		if _, _, err := command(t, append(args, "--data", data)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v, want %q", args, err, says)
		}
	}
}

// A username may have a slash. What means two accounts changes neither.
func TestNameOfTwoAccountsIsRefusedUnlessItIsSaidWhich(t *testing.T) {
	data := t.TempDir()
	startWithSubjects(t, data, "4711")
	_, err := typed(t, "a-long-enough-wave", "account", "add", "shop/4711", "--data", data)
	check(t, err)
	_, _, err = command(t, "account", "disable", "shop/4711", "--data", data)
	if err == nil || !strings.Contains(err.Error(), "add --username or --subject") {
		t.Fatalf("disabled one of two: %v", err)
	}
	person := as[accountJSON](t, "account", "show", "shop/4711", "--username", "--data", data)
	subject := as[accountJSON](t, "account", "show", "shop/4711", "--subject", "--data", data)
	if person.Username != "shop/4711" || subject.Subject != "4711" || person.ID == subject.ID || person.Disabled || subject.Disabled {
		t.Fatalf("%+v, %+v", person, subject)
	}
	if !strings.Contains(err.Error(), person.ID) || !strings.Contains(err.Error(), subject.ID) {
		t.Errorf("%v: want both ids", err)
	}
	if got := as[result](t, "account", "disable", "shop/4711", "--subject", "--data", data); got.AccountID != subject.ID {
		t.Errorf("--subject disabled %+v", got)
	}
	if _, err := typed(t, "another-long-wave", "account", "set-password", "shop/4711", "--username", "--data", data); err != nil {
		t.Errorf("the person's password: %v", err)
	}
}

func TestUserOfABackEndHasNoPasswordToSet(t *testing.T) {
	data := t.TempDir()
	s, _ := startWithSubjects(t, data, "4711")
	for _, where := range []string{"running", "idle"} {
		if where == "idle" {
			check(t, s.stop())
		}
		for name, says := range map[string]string{"shop/4711": "its back end lets it in", "shop/1": "no session was begun", "nobody": "no account nobody"} {
			_, err := typed(t, "", "account", "set-password", name, "--data", data) // nothing is typed: it is said before
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s, %s: %v, want %q", where, name, err, says)
			}
		}
	}
}

// Ids come from a back end, and may have characters that are not seen or that turn the text around.
func TestIdsAreQuotedWhereATerminalWouldShowOthers(t *testing.T) {
	data := t.TempDir()
	const hidden = "4711\u202e\u200b"
	startWithSubjects(t, data, hidden, "é🌊 x")
	for _, text := range []string{
		mustCommand(t, "account", "list", "--data", data),
		mustCommand(t, "account", "show", "shop/"+hidden, "--data", data),
		mustCommand(t, "account", "disable", "shop/"+hidden, "--data", data),
	} {
		if strings.ContainsAny(text, "\u202e\u200b") || !strings.Contains(text, `"shop/4711\u202e\u200b"`) {
			t.Errorf("printed as it is: %q", text)
		}
	}
	_, _, err := command(t, "account", "show", "shop/"+hidden+"x", "--data", data)
	if err == nil || strings.ContainsAny(err.Error(), "\u202e\u200b") {
		t.Errorf("an error prints it as it is: %q", err)
	}
	if text := mustCommand(t, "account", "list", "--data", data); !strings.Contains(text, "\nshop/é🌊 x ") {
		t.Errorf("a plain id is quoted: %s", text)
	}
}
