package grant_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// failLogin tries to log in under a name that is nobody's and returns what the event has in its place.
func (w *world) failLogin(username string) (nameHash string) {
	w.t.Helper()
	issued, err := w.login.Grant(w.t.Context(), grant.LoginRequest{
		At: here, Client: w.clients["native"], Username: username, Password: oauth.NewSecret(password), Network: network,
	})
	wantError(w.t, issued.Tokens, err, account.ErrInvalidCredentials)
	if strings.Contains(w.trail.String(), username) {
		w.t.Errorf("the trail has the name: %s", &w.trail)
	}
	events := w.events()
	return events[len(events)-1].NameHash
}

func TestUnknownNamesAreToldApartWithoutBeingRecorded(t *testing.T) {
	w := newWorld(t)
	first := w.failLogin("canary-nobody")
	if id, hash, _ := strings.Cut(strings.TrimPrefix(first, keyring.MACPrefix), ":"); id != "1" || len(hash) != 32 {
		t.Errorf("hash %q, want the key's id and 16 bytes", first)
	}
	if again := w.failLogin("Canary-NOBODY"); again != first {
		t.Errorf("the same name in capitals: hash %q, want %q", again, first)
	}
	for _, other := range []string{"canary-nobody2", "canary nobody"} { // the second cannot be a username
		if got := w.failLogin(other); got == "" || got == first {
			t.Errorf("another name: hash %q, want one of its own", got)
		}
	}
	if elsewhere := newWorld(t).failLogin("canary-nobody"); elsewhere == first {
		t.Error("another keyring makes the same hash: anybody could try names")
	}
}

// TestNameHashIsNoPartOfARefreshToken takes what the MAC of a token is computed over for a name.
func TestNameHashIsNoPartOfARefreshToken(t *testing.T) {
	w := newWorld(t)
	_, encoded, _ := strings.Cut(w.mustLogin().RefreshToken.Reveal(), "wprt_")
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || len(raw) <= sha256.Size {
		t.Fatalf("the refresh token: %d bytes, error %v", len(raw), err)
	}
	body, mac := raw[:len(raw)-sha256.Size], raw[len(raw)-sha256.Size:]
	if got := w.failLogin("wavepass refresh token\x00" + string(body)); strings.HasSuffix(got, hex.EncodeToString(mac[:16])) {
		t.Errorf("hash %q is the beginning of a token's MAC", got)
	}
}

func TestFailedLoginWithoutAKeyIsRecordedWithoutAHash(t *testing.T) {
	w := newWorld(t)
	w.mustLogin()
	w.wire() // a new process, which holds no keys
	w.sealer.refuse(keyring.Refresh)
	w.trail.Reset()
	if got := w.failLogin("canary-nobody"); got != "" {
		t.Errorf("hash %q without a key", got)
	}
	w.wantEvents(audit.LoginFailed)
}
