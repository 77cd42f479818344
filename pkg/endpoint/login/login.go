// Package login is the endpoint POST /login.
package login

import (
	"context"
	"log/slog"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/operate"
	"github.com/wavepass/wavepass/pkg/schema"
	"github.com/wavepass/wavepass/pkg/session"
)

const maxDeviceName = 64 // code points

// Store is what the function asks of the table.
type Store interface {
	client.Store
	account.Store
	account.Attempts
	account.Changer
	session.Creator
	keyring.Store
	schema.Source
}

// Parts is what the function is made of; every field is needed.
type Parts struct {
	Store     Store
	Sealer    keyring.Sealer
	Algorithm keyring.Algorithm
	KeyTimes  keyring.Times
	Limits    account.Limits
	Cookies   browser.Jar
	Trail     *audit.Trail
	Now       func() time.Time
}

// New returns the function.
func New(cfg apigw.Config, p Parts) apigw.Function {
	keys := keyring.New(keyring.Config{
		Store: p.Store, Sealer: p.Sealer, Algorithm: p.Algorithm, Times: p.KeyTimes, Now: p.Now, Created: operate.KeysCreated(p.Trail),
	})
	login := grant.NewLogin(grant.BeginParts{
		Accounts: account.NewAuthenticator(p.Store, p.Store, p.Limits, p.Now),
		Editor:   account.NewEditor(p.Store, p.Now),
		Sessions: p.Store,
		MAC:      keys.MACKeys(),
		Signing:  keys.SigningKeys(),
		Trail:    p.Trail,
		Now:      p.Now,
	})
	return apigw.Serve(cfg, map[string]apigw.Handler{
		"POST /login": endpoint{client.NewRegistry(p.Store, p.Now), login, p.Cookies, p.Store, cfg.Log, p.Now}.login,
	})
}

type endpoint struct {
	clients *client.Registry
	grant   *grant.Login
	cookies browser.Jar
	schema  schema.Source
	log     *slog.Logger
	now     func() time.Time
}

type request struct {
	ClientID   string       `json:"client_id"`
	Username   string       `json:"username"`
	Password   oauth.Secret `json:"password"`
	Remember   bool         `json:"remember"`
	DeviceName string       `json:"device_name"`
	EndOthers  bool         `json:"end_others"` // all other sessions of the account
}

func (e endpoint) login(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	var in request
	if err := r.Decode(&in, apigw.JSON); err != nil {
		return apigw.Response{}, err
	}
	switch {
	case in.ClientID == "":
		return apigw.Response{}, apigw.InvalidRequest("client_id is missing")
	case in.Username == "":
		return apigw.Response{}, apigw.InvalidRequest("username is missing")
	case in.Password.IsZero():
		return apigw.Response{}, apigw.InvalidRequest("password is missing")
	case !validDeviceName(in.DeviceName):
		return apigw.Response{}, apigw.InvalidRequest("device_name is longer than 64 characters or has unprintable ones")
	}
	c, err := e.clients.Find(ctx, in.ClientID)
	if err != nil {
		return apigw.Response{}, err
	}
	// Logging somebody in unawares, as the attacker, is an attack too.
	visit := r.Visit(c)
	if c.UsesCookies() && !visit.From.SameSite(r.At.Issuer, c.Origins) {
		return apigw.Response{}, browser.ErrCrossSite
	}
	issued, err := e.grant.Grant(ctx, grant.LoginRequest{
		At:        r.At,
		Client:    c,
		Username:  in.Username,
		Password:  in.Password,
		Remember:  in.Remember,
		Device:    in.DeviceName,
		Network:   r.Network,
		EndOthers: in.EndOthers,
	})
	if err != nil {
		return apigw.Response{}, err
	}
	if c.UsesCookies() && visit.From.CrossSite() {
		e.log.WarnContext(ctx, "this login will not last: the page is on another site than the service, so its browser sends no cookie back; serve both below one domain",
			"request_id", r.ID, "client_id", c.ID, "origin", visit.From.Origin, "issuer", r.At.Issuer)
	}
	return apigw.Tokens(e.cookies.Deliver(visit, issued, schema.WritesFirst(ctx, e.schema), e.now()))
}

// validDeviceName keeps the list of sessions readable: the name is shown to its owner.
func validDeviceName(name string) bool {
	for _, c := range name {
		if !unicode.IsPrint(c) {
			return false
		}
	}
	return utf8.RuneCountInString(name) <= maxDeviceName
}
