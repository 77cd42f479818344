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

// BeginParts is what a session begins with that a password opens; every field is needed.
type BeginParts struct {
	Accounts *account.Authenticator
	Editor   *account.Editor
	Sessions session.Creator
	MAC      session.Keys
	Signing  SigningKeys
	Trail    *audit.Trail
	Now      func() time.Time
}

// beginner begins sessions.
type beginner struct {
	BeginParts
	access accessTokens
}

func newBeginner(p BeginParts) beginner { return beginner{p, accessTokens{p.Trail, p.Now}} }

var passwordOnly = []string{"pwd"} // RFC 8176

// sessionKeys are the keys for the tokens of a new session. They are held before it is written, so that nothing can
// fail afterwards.
type sessionKeys struct {
	mac     keyring.MACKey
	signing keyring.SigningKey
}

// authenticate checks a password and obtains the keys, in one round trip.
func (b beginner) authenticate(ctx context.Context, username string, password oauth.Secret, network string) (who account.Authenticated, keys sessionKeys, err error) {
	var (
		wg     sync.WaitGroup
		keyErr error
	)
	wg.Go(func() { who, err = b.Accounts.Authenticate(ctx, username, password, network) })
	wg.Go(func() { keys.mac, keys.signing, keyErr = newestKeys(ctx, b.MAC, b.Signing) })
	wg.Wait()
	if err == nil && keyErr != nil {
		b.Accounts.Settle(ctx, who) // the password was right
		err = keyErr
	}
	return who, keys, err
}

// beginning is what a new session is for.
type beginning struct {
	at              Place
	client          client.Client
	who             account.Authenticated
	remember        bool
	device, network string
}

// begin makes a session, has it written while the attempts are settled, and issues its tokens.
func (b beginner) begin(ctx context.Context, n beginning, keys sessionKeys, write func(*session.Session) error) (Issued, error) {
	s, refresh, err := session.Begin(session.Login{
		AccountID: n.who.Account.ID, Epoch: n.who.Account.Epoch, AMR: passwordOnly, Scopes: grantable(n.client, n.who.Account),
		Client: n.client, Remember: n.remember, Device: n.device, Network: n.network,
	}, b.Now())
	var wg sync.WaitGroup
	if err == nil {
		wg.Go(func() { err = write(&s) })
	}
	wg.Go(func() { b.Accounts.Settle(ctx, n.who) })
	wg.Wait()
	if err != nil {
		return Issued{}, fmt.Errorf("grant: begin a session: %w", err)
	}
	response := b.access.issue(ctx, keys.signing, n.at, s, n.who.Account, n.client)
	response.RefreshToken = refresh.Encode(keys.mac)
	return Issued{response, n.client, s}, nil
}

// createAfter stores a session with the epoch of the change that ends the others.
func (b beginner) createAfter(ctx context.Context, change account.Change, s *session.Session) error {
	s.Epoch = change.Account.Epoch
	return b.Sessions.CreateAfter(ctx, change, *s)
}

// recordFailure leaves the event of a password that was wrong, or under another name of one that was not looked at.
// People type their password where their username belongs, so a username that is nobody's is never recorded. Its hash
// shows which failures are about one name. It is left out when no key was to be had.
func (b beginner) recordFailure(ctx context.Context, err error, username string, key keyring.MACKey, event audit.Event, limited string) {
	var failed *account.FailedError
	var tooMany *account.TooManyAttemptsError
	switch {
	case errors.As(err, &failed):
		switch {
		case failed.AccountID != uuid.Nil:
			event.Subject = failed.AccountID.String()
		case key.Version() != 0:
			event.NameHash = nameHash(key, username)
		}
	case errors.As(err, &tooMany):
		event.Name = limited
	default:
		return
	}
	b.Trail.Record(ctx, event)
}

// nameHash returns the hash of a username: of its canonical form where it has one. Without the key nobody can try names
// until one fits. The key's id stands before it, because the hash of a name is another one after the key has changed.
func nameHash(key keyring.MACKey, username string) string {
	if canonical, err := account.CanonicalUsername(username); err == nil {
		username = canonical
	}
	return fmt.Sprintf("%v:%x", key, key.Sum([]byte(nameLabel + username))[:16])
}

// nameLabel begins what is hashed. No message of a refresh token begins so, hence neither hash can pass for the other.
const nameLabel = "wavepass name\x00"

func eventOf(s session.Session, name string) audit.Event {
	return audit.Event{Name: name, Subject: s.AccountID.String(), SessionID: s.ID.String(), ClientID: s.ClientID}
}
