package grant

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// BeginParts are the parts of Login and Password; every field is needed unless it says otherwise.
type BeginParts struct {
	Accounts *account.Authenticator
	Editor   *account.Editor
	Sessions session.Creator
	MAC      session.Keys
	Signing  SigningKeys // nil where sessions have handles only
	Trail    *audit.Trail
	Now      func() time.Time
}

// beginner begins sessions for people who prove a password.
type beginner struct{ BeginParts }

var passwordOnly = []string{"pwd"} // RFC 8176

// sessionKeys are the keys for the tokens of a new session. They are obtained before the session is written, so that
// nothing can fail afterwards.
type sessionKeys struct {
	mac     keyring.MACKey
	signing keyring.SigningKey
}

// authenticate checks a password and obtains the keys, both at once.
func (b beginner) authenticate(ctx context.Context, username string, password oauth.Secret, network string, device knownDevice) (who account.Authenticated, keys sessionKeys, err error) {
	var (
		wg     sync.WaitGroup
		keyErr error
	)
	wg.Go(func() { who, err = b.Accounts.Authenticate(ctx, username, password, network, device.of) })
	wg.Go(func() { keys.mac, keys.signing, keyErr = newestKeys(ctx, b.MAC, b.Signing) })
	wg.Wait()
	if err == nil && keyErr != nil {
		b.Accounts.Settle(ctx, who) // the password was right
		err = keyErr
	}
	return who, keys, err
}

// begin makes a session of who, calls write to store it while the attempts are settled, and issues its tokens. login says
// what the caller chose: client, device, network, and whether the session is remembered.
func (b beginner) begin(ctx context.Context, at Place, who account.Authenticated, login session.Login, keys sessionKeys, write func(*session.Session) error) (Issued, error) {
	login.AccountID, login.Epoch, login.AMR, login.Scopes = who.Account.ID, who.Account.Epoch, passwordOnly, grantable(login.Client, who.Account)
	s, refresh, err := session.Begin(login, b.Now())
	var handle session.Handle
	if login.Client.Transport() == client.AsHandle {
		s, handle = s.GiveHandle(session.NewHandleSecret())
	}
	var wg sync.WaitGroup
	if err == nil {
		wg.Go(func() { err = write(&s) })
	}
	wg.Go(func() { b.Accounts.Settle(ctx, who) })
	wg.Wait()
	if err != nil {
		return Issued{}, fmt.Errorf("grant: begin a session: %w", err)
	}
	if login.Client.Transport() == client.AsHandle {
		return issueHandle(s, handle, who.Account, login.Client, s.CreatedAt), nil
	}
	response, _ := issueAccess(ctx, b.Trail, keys.signing, at, s, who.Account, login.Client, b.Now())
	response.RefreshToken = refresh.Encode(keys.mac)
	return Issued{Tokens: response, Client: login.Client, Session: s}, nil
}

// createAfter stores a session together with the change that ends the others. The session gets the change's epoch.
func (b beginner) createAfter(ctx context.Context, change account.Change, s *session.Session) error {
	s.Epoch = change.Account.Epoch
	return b.Sessions.CreateAfter(ctx, change, *s)
}

// recordFailure leaves the event of a wrong password. When there were too many attempts to check the password, the event is
// named limited. A username that is nobody's is not recorded, because people type their password where their username belongs.
// Its hash shows which failures have the same name; it is left out when the keys cannot be read.
func (b beginner) recordFailure(ctx context.Context, err error, username string, key keyring.MACKey, event audit.Event, limited string) {
	var failed *account.FailedError
	var tooMany *account.TooManyAttemptsError
	switch {
	case errors.As(err, &tooMany):
		event.Name = limited
	case !errors.As(err, &failed):
		return
	case failed.AccountID != uuid.Nil:
		event.Subject = failed.AccountID.String()
	case key.Version() != 0:
		event.NameHash = nameHash(key, username)
	}
	b.Trail.Record(ctx, event)
}

// nameHash returns the keyed hash of a username, in its canonical form if it has one. Without the key nobody can find the name
// by hashing guesses. The hash begins with the id of the key, because another key gives another hash.
func nameHash(key keyring.MACKey, username string) string {
	if canonical, err := account.CanonicalUsername(username); err == nil {
		username = canonical
	}
	return fmt.Sprintf("%v:%x", key, key.Sum([]byte(nameLabel + username))[:16])
}

// nameLabel begins every message of nameHash. The messages of refresh tokens begin differently, so the hash of a name is never
// the MAC of a token.
const nameLabel = "wavepass name\x00"

func eventOf(s session.Session, name string) audit.Event {
	return audit.Event{Name: name, Subject: s.AccountID.String(), SessionID: s.ID.String(), ClientID: s.ClientID}
}
