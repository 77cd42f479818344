package ticket_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/ticket"
	"github.com/wavepass/wavepass/pkg/token"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// shelf keeps tickets, and gives each out for ever.
type shelf map[ticket.Name]ticket.Record

func (s shelf) PutTicket(_ context.Context, name ticket.Name, r ticket.Record) error {
	s[name] = r
	return nil
}

func (s shelf) TakeTicket(_ context.Context, name ticket.Name, api, _ string) (ticket.Record, error) {
	if r, ok := s[name]; ok && r.API == api {
		return r, nil
	}
	return ticket.Record{}, ticket.ErrUnknown
}

func verified() token.Claims {
	return token.Claims{
		Issuer: "https://id.example.com", Subject: "0190b0e4-7e00-7000-8000-000000000001", Audience: []string{"a", "b"}, Expiry: now.Add(15 * time.Minute), IssuedAt: now,
		ID: "0190b0e4-7e00-7000-8000-0000000000bb", ClientID: "app", Scope: "profile", Roles: []string{"member"}, Custom: `{"plan":"pro"}`, SigningID: "k1",
		Login: &token.Login{SessionID: uuid.MustParse("0190b0e4-7e00-7000-8000-0000000000aa"), Epoch: 7, AuthTime: now, AMR: []string{"pwd"}},
	}
}

func TestTicketStandsForItsAccessToken(t *testing.T) {
	s := shelf{}
	text, life, err := ticket.Issue(t.Context(), s, verified(), "abc123", now)
	if err != nil || life != 30*time.Second || !strings.HasPrefix(text.Reveal(), "wptk_") || len(text.Reveal()) != 48 {
		t.Fatalf("%d bytes, %s, %v", len(text.Reveal()), life, err)
	}
	for name, r := range s {
		if strings.Contains(string(r.Claims)+string(name[:]), text.Reveal()[5:]) || !r.Until.Equal(now.Add(30*time.Second)) {
			t.Errorf("stored %+v: want nothing of the ticket, and 30 s", r)
		}
	}
	got, err := ticket.Redeem(t.Context(), s, text, "abc123")
	if want := verified(); err != nil || got.ID != want.ID || got.SigningID != "k1" || got.Login.Epoch != 7 || got.Custom != want.Custom || len(got.Audience) != 2 || !got.Expiry.Equal(want.Expiry) {
		t.Errorf("redeemed %+v, %v; want %+v", got, err, want)
	}
}

func TestTicketLivesNoLongerThanItsAccessToken(t *testing.T) {
	c := verified()
	c.Expiry = now.Add(7 * time.Second)
	s := shelf{}
	if _, life, err := ticket.Issue(t.Context(), s, c, "abc123", now); err != nil || life != 7*time.Second {
		t.Errorf("%s, %v; want 7s", life, err)
	}
	for _, r := range s {
		if !r.Until.Equal(c.Expiry) {
			t.Errorf("good until %s, want %s", r.Until, c.Expiry)
		}
	}
}

func TestOnlyOneSpellingOfATicketIsTaken(t *testing.T) {
	s := shelf{}
	issued, _, err := ticket.Issue(t.Context(), s, verified(), "abc123", now)
	if err != nil {
		t.Fatal(err)
	}
	text := issued.Reveal()
	last := text[len(text)-1]
	for what, bad := range map[string]string{
		"empty": "", "prefix alone": "wptk_", "no prefix": text[5:], "another prefix": "wprt_" + text[5:], "upper-case prefix": "WPTK_" + text[5:], "shorter": text[:47], "longer": text + "A",
		"padded": text + "=", "a space": " " + text[:47], "a line break": text[:20] + "\n" + text[20:47], "another alphabet": text[:20] + "+" + text[21:],
		"another last character of the same bits": text[:47] + string(rune(last^1)), "another ticket": "wptk_" + strings.Repeat("A", 43),
	} {
		if c, err := ticket.Redeem(t.Context(), s, oauth.NewSecret(bad), "abc123"); !errors.Is(err, ticket.ErrUnknown) || c.ID != "" {
			t.Errorf("%s: %v, want ErrUnknown", what, err)
		}
	}
}

func FuzzRedeem(f *testing.F) {
	s := shelf{}
	for range 3 {
		if _, _, err := ticket.Issue(f.Context(), s, verified(), "abc123", now); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := ticket.Redeem(t.Context(), s, oauth.NewSecret(text), "abc123"); !errors.Is(err, ticket.ErrUnknown) || c.ID != "" {
			t.Errorf("%q: %v, want ErrUnknown", text, err)
		}
	})
}
