package session_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/session"
)

func TestBeginMakesASessionAndItsFirstToken(t *testing.T) {
	account := uuid.MustParse("0190b0e4-7e00-7000-8000-000000000001")
	now := start.Add(987654321 * time.Nanosecond)
	c := client.Client{ID: "app", Kind: client.Native, IdleLife: time.Hour, Absolute: 24 * time.Hour}
	s, token, err := session.Begin(session.Login{
		AccountID: account, Epoch: 42, AMR: []string{"pwd"}, Client: c, Device: "Ada's phone", Network: network,
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	if s.ID.Version() != 7 {
		t.Errorf("session id %s is a version %d UUID, want 7", s.ID, s.ID.Version())
	}
	want := session.Session{
		AccountID: account, ID: s.ID, ClientID: "app", AMR: []string{"pwd"}, Epoch: 42, Device: "Ada's phone", Network: network,
		RotatedAt: now.Truncate(time.Millisecond), CreatedAt: now.Truncate(time.Millisecond), AuthTime: start,
		IdleExpiry: start.Add(time.Hour), Expiry: start.Add(24 * time.Hour),
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("session (-want +got):\n%s", diff)
	}
	wantToken := session.RefreshToken{AccountID: account, SessionID: s.ID, Expiry: s.Expiry}
	if diff := cmp.Diff(wantToken, token); diff != "" {
		t.Errorf("token (-want +got):\n%s", diff)
	}
}

func TestBeginTakesLifetimesOfTheClient(t *testing.T) {
	const day = 24 * time.Hour
	for name, test := range map[string]struct {
		client         client.Client
		remember       bool
		idle, absolute time.Duration
	}{
		"native":                          {client.New("app", client.Native), false, 14 * day, 30 * day},
		"native, remember makes no odds":  {client.New("app", client.Native), true, 14 * day, 30 * day},
		"browser":                         {client.New("app", client.Browser), false, day, day},
		"browser, remembered":             {client.New("app", client.Browser), true, 14 * day, 30 * day},
		"idle life beyond the absolute":   {client.Client{IdleLife: 3 * day, Absolute: 2 * day}, false, 2 * day, 2 * day},
		"idle life equal to the absolute": {client.Client{IdleLife: 2 * day, Absolute: 2 * day}, false, 2 * day, 2 * day},
	} {
		t.Run(name, func(t *testing.T) {
			s, token, err := session.Begin(session.Login{Client: test.client, Remember: test.remember}, start)
			if err != nil {
				t.Fatal(err)
			}
			if idle, absolute := s.IdleExpiry.Sub(start), s.Expiry.Sub(start); idle != test.idle || absolute != test.absolute {
				t.Errorf("idle %s and absolute %s, want %s and %s", idle, absolute, test.idle, test.absolute)
			}
			if want := test.remember && test.client.UsesCookies(); s.Remembered != want {
				t.Errorf("remembered %t, want %t", s.Remembered, want)
			}
			if !token.Expiry.Equal(s.Expiry) {
				t.Errorf("the token expires at %s, the session at %s", token.Expiry, s.Expiry)
			}
		})
	}
}

func TestEverySessionHasItsOwnID(t *testing.T) {
	seen := map[uuid.UUID]bool{}
	for range 100 {
		s, _, err := session.Begin(session.Login{Client: client.New("app", client.Native)}, start)
		if err != nil {
			t.Fatal(err)
		}
		seen[s.ID] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d different ids of 100", len(seen))
	}
}

func TestLiveSession(t *testing.T) {
	whole := session.Session{IdleExpiry: start.Add(time.Hour), Expiry: start.Add(2 * time.Hour)}
	revoked := whole
	revoked.RevokedAt = start
	absolute := session.Session{IdleExpiry: start.Add(2 * time.Hour), Expiry: start.Add(time.Hour)}
	for name, test := range map[string]struct {
		session session.Session
		after   time.Duration
		want    bool
	}{
		"fresh":                {whole, 0, true},
		"just before idle":     {whole, time.Hour - 1, true},
		"at idle":              {whole, time.Hour, false},
		"after idle":           {whole, 3 * time.Hour, false},
		"just before absolute": {absolute, time.Hour - 1, true},
		"at absolute":          {absolute, time.Hour, false},
		"revoked":              {revoked, 0, false},
		"the zero session":     {session.Session{}, 0, false},
	} {
		if got := test.session.Live(start.Add(test.after)); got != test.want {
			t.Errorf("%s: live %t, want %t", name, got, test.want)
		}
	}
}
