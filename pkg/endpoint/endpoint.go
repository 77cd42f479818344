// Package endpoint holds what the endpoint packages below it have in common: the settings, and the parts that more than one
// of them is made of. Each endpoint says itself, in the signature of its New, which part of the store it may touch and whether
// it opens sealed keys.
package endpoint

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/access"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/config"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/metric"
	"github.com/wavepass/wavepass/pkg/operate"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/token"
)

// Settings are the same for every function of a deployment, on AWS, on a laptop and in tests. Trail, Now and Log are needed, and Limits
// by what checks passwords; of the others the zero value means: no grace, and a denylist that is asked every time.
type Settings struct {
	apigw.Config
	Algorithm keyring.Algorithm // of signing keys that are created from now on
	KeyTimes  keyring.Times
	Limits    account.Limits // of wrong passwords, counted together for login and password change
	Rules     session.Rules
	Password  int           // code points of a new one; zero: account.MinPassword
	Staleness time.Duration // how old the denylist's answer may be
	Cookies   browser.Jar
	Looks     Looks // of the sign-in pages
	Documents Documents

	SelfService SelfService
	Now         func() time.Time
}

// SelfService says what people may do for themselves by way of their mailbox. The zero value is nothing.
type SelfService struct {
	Recover bool // choose a new password
	Invited bool // sign up by the link of an invitation
	Open    bool // sign up without one
}

// Looks are those of package pages, which functions without pages do not import.
type Looks struct{ Name, Logo, Colour string }

// New translates the configuration. Its error names the setting.
func New(c config.Config, log *slog.Logger, trail *audit.Trail, now func() time.Time) (Settings, error) {
	s := Settings{
		Config:    apigw.Config{Issuer: c.Issuer, Audience: c.Audience, Region: c.Region, Log: log, Trail: trail},
		Algorithm: keyring.Algorithm(c.SigningAlg),
		KeyTimes:  KeyTimes(c),
		Limits:    account.Limits{Account: account.Limit(c.AttemptLimits.Account), Network: account.Limit(c.AttemptLimits.Network)},
		Rules:     session.Rules{Grace: c.Grace, MinAge: c.RotationMinAge},
		Password:  c.PasswordMinLength,
		Staleness: c.Staleness,
		Cookies:   browser.Jar{Domain: c.CookieDomain},
		Looks:     Looks{c.PagesName, c.PagesLogo, c.PagesColour},
		Documents: Documents{Allowed: c.ClientIDMetadata != "off", SharedStore: c.ClientIDMetadata == "shared-store"},
		Now:       now,

		SelfService: SelfService{Recover: c.SignUp != "none", Invited: c.SignUp == "invite" || c.SignUp == "open", Open: c.SignUp == "open"},
	}
	if err := s.KeyTimes.Check(); err != nil {
		return Settings{}, fmt.Errorf("KEY_PERIOD, KEY_CACHE_AGE: %w", err)
	}
	return s, nil
}

// KeyTimes returns the ages of keys in the configuration.
func KeyTimes(c config.Config) keyring.Times {
	return keyring.Times{Period: c.KeyPeriod, CacheAge: c.KeyCacheAge}
}

// Samples returns what logs samples of a metric in milliseconds; nil where there are no metrics. by is as in metric.Samples.
func (s Settings) Samples(name, by string) *metric.Samples {
	if s.Trail.Metrics == "" {
		return nil
	}
	return &metric.Samples{Name: name, Unit: metric.Milliseconds, By: by, Namespace: s.Trail.Metrics, Log: s.Log, Now: s.Now}
}

// PasswordRules returns the rules for new passwords at a service with this issuer.
func (s Settings) PasswordRules(issuer string) account.PasswordRules {
	return PasswordRules(s.Password, issuer, s.Looks.Name)
}

// PasswordRules returns the rules for new passwords of at least so many characters, at a service with this issuer and name. Both may be
// unknown.
func PasswordRules(least int, issuer, name string) account.PasswordRules {
	_, host, _ := strings.Cut(issuer, "://")
	return account.PasswordRules{MinLength: least, Service: []string{host, cmp.Or(name, "Wavepass")}}
}

// Keyring returns the keyring in store. sealer opens its sealed parts.
func (s Settings) Keyring(store keyring.Store, sealer keyring.Sealer) *keyring.Keyring {
	return keyring.New(keyring.Config{
		Store: store, Sealer: sealer, Algorithm: s.Algorithm, Times: s.KeyTimes, Now: s.Now, Created: operate.KeysCreated(s.Trail),
	})
}

// LinkKeys returns the keys of links and codes in store.
func (s Settings) LinkKeys(store keyring.LinkStore, sealer keyring.Sealer) *keyring.MACKeys {
	return keyring.NewLinkKeys(keyring.LinkConfig{Store: store, Sealer: sealer, Times: s.KeyTimes, Now: s.Now, Changed: operate.KeysCreated(s.Trail)})
}

// remembered is how many tokens are known by sight: 3 MB of usual ones, some 700 bytes each, and 12 MB of the longest.
const remembered = 4096

// AccessStore is the part of the store that is needed to check access tokens.
type AccessStore interface {
	revocation.Reader
	keyring.Store
}

// AccessTokens returns what checks access tokens, and the denylist that it asks.
func (s Settings) AccessTokens(store AccessStore) (*access.Checker, *revocation.Snapshot) {
	keys := keyring.NewPublicKeys(store, s.KeyTimes, s.Now)
	denylist := revocation.NewSnapshot(store, s.Staleness, s.Now)
	if ages := s.Samples("denylist_age_ms", ""); ages != nil {
		denylist.Aged = func(ctx context.Context, oldest time.Duration) { ages.Add(ctx, "", float64(oldest)/1e6) }
	}
	return access.NewChecker(token.NewRememberingVerifier(keys, s.Now, remembered), denylist), denylist
}

// RefreshStore is the part of the store that is needed to refresh.
type RefreshStore interface {
	session.Store
	session.Accounts
}

// ByRefreshToken returns what exchanges refresh tokens.
func (s Settings) ByRefreshToken(store RefreshStore, mac session.Keys, signing grant.SigningKeys) *grant.Refresh {
	return grant.NewRefresh(grant.RefreshParts{
		Sessions: session.NewRefresher(store, store, mac, s.Rules, s.Trail, s.Now),
		Signing:  signing,
		Trail:    s.Trail,
		Now:      s.Now,
	})
}

// PasswordStore is the part of the store that is needed to begin sessions by a password.
type PasswordStore interface {
	account.Store
	account.Attempts
	account.Rehasher
	account.Changer
	session.Creator
	keyring.Store
}

// ByPassword returns the parts that begin sessions for people who have given their password.
func (s Settings) ByPassword(store PasswordStore, sealer keyring.Sealer) grant.BeginParts {
	keys := s.Keyring(store, sealer)
	return grant.BeginParts{
		Accounts: account.NewAuthenticator(store, store, s.Limits, s.Now),
		Editor:   account.NewEditor(store, s.Now),
		Sessions: store,
		MAC:      keys.MACKeys(),
		Signing:  keys.SigningKeys(),
		Trail:    s.Trail,
		Now:      s.Now,
	}
}
