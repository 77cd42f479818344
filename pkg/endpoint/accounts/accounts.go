// Package accounts is what people do with their own accounts by way of their mailbox: POST /signup and /recover order a mail, and
// /signup/verify and /recover/finish take what was in it, with a new password. POST /email/confirm gives an account the new address that it
// was mailed to, and /email/takeback the old one again. Applications send JSON and read JSON; browsers send the
// forms of the pages that GET shows, and see pages. Applications ask for a new address at the function password, pages at /email/change; applications
// close an account there too, pages at /account/close.
//
// When the answer to a link or a code was lost, the same request is answered again as it was at first, for half an hour at most: as long as nothing else has changed the account, and a link that makes or
// keeps one has not expired. No answer hands out a session, so none is handed out twice: a lost answer costs a login at most.
//
// GET changes nothing and looks nothing up, so a program that opens each link of a mail before its reader does no harm.
package accounts

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/endpoint/mailrefusal"
	"github.com/wavepass/wavepass/pkg/enrol"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/link"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/pages"
	"github.com/wavepass/wavepass/pkg/session"
)

// Store is what the function asks of the table.
type Store interface {
	enrol.Store
	account.Rehasher
	mail.DeskStore
	keyring.LinkStore
	session.Reader
	account.Forgetter
}

// New returns the function. drawn are its pages.
func New(s endpoint.Settings, store Store, sealer keyring.Sealer, drawn *pages.Pages) apigw.Function {
	desk := mail.NewDesk(store, mail.DefaultLimits, s.Now)
	f := function{
		Settings: s, store: store, pages: drawn,
		links: link.New(s.LinkKeys(store, sealer), s.Now),
		desk:  desk,

		accounts: account.NewAuthenticator(store, store, pageLimits, s.Now),
		owners:   session.NewOwners(store, store, client.NewRegistry(nil, s.Now), s.Now), // of sessions of the sign-in pages alone, whose client is in no table
		closer:   grant.Closer{Editor: account.NewEditor(store, s.Now), Forgetter: store, Mails: desk, Trail: s.Trail, Now: s.Now},
	}
	handlers := map[string]apigw.Handler{}
	for _, step := range []step{
		f.asking(pages.SigningUp, "/signup"), f.finishing(pages.SigningUp, link.SignUp.Path()),
		f.asking(pages.Recovering, link.AskToRecoverPath), f.finishing(pages.Recovering, link.Recover.Path()),
		f.changing(), f.confirming(), f.takingBack(), f.closing(), f.keeping(),
	} {
		get := "GET " + step.path
		if !step.asks {
			get += "?link"
		}
		handlers[get], handlers["POST "+step.path] = f.shown(step, f.show(step)), f.answered(step)
	}
	return apigw.Serve(s.Config, handlers)
}

// step is a form, and what applications send in its place.
type step struct {
	what   pages.Mailed
	path   string
	asks   bool // it asks for a mail, and does not answer one
	byPage bool // applications have another route for it
	handle handler

	form func(*apigw.Request, input, fault) pages.Page // with what was typed before, and what is wrong with it
	next func(*apigw.Request, input, done) pages.Page
}

// fault is what is wrong with a form, with a number for its text.
type fault struct {
	problem pages.Problem
	value   int
}

// again is where somebody asks for another mail; empty where nobody can.
func (f function) again(s step) string {
	switch {
	case s.what == pages.TakingBack, s.what == pages.Keeping, f.open(s.what, true) != nil: // an invitation comes from an operator
		return ""
	case s.what == pages.Changing:
		return changePath
	case s.what == pages.Closing:
		return closePath
	}
	return "/" + string(s.what)
}

type function struct {
	endpoint.Settings
	store Store
	links *link.Links
	desk  *mail.Desk
	pages *pages.Pages

	accounts *account.Authenticator
	owners   *session.Owners
	closer   grant.Closer
}

// enroller has the rules for passwords at the issuer of the request.
func (f function) enroller(r *apigw.Request) *enrol.Enroller {
	return enrol.New(enrol.Config{
		Store: f.store, Links: f.links, Mails: f.desk, Passwords: f.PasswordRules(r.At.Issuer),
		Access: account.Access{Scopes: oauth.PersonScopes()}, Open: f.SelfService.Open, Now: f.Now,
	})
}

// open fails where people may not do that here. Where only invitations count, nobody asks for a mail, and what is mailed is used.
func (f function) open(what pages.Mailed, asks bool) error {
	signsUp := f.SelfService.Open || !asks && f.SelfService.Invited
	switch {
	case what == pages.Closing, what == pages.Keeping: // people close their accounts everywhere
		return nil
	case !f.SelfService.Recover:
		return apigw.Refused(http.StatusNotFound, oauth.CodeNotFound, "this service sends no mails, so nobody can sign up, recover an account or change its address here")
	case what == pages.SigningUp && !signsUp:
		return errClosed
	}
	return nil
}

var errClosed = apigw.Refused(http.StatusForbidden, oauth.CodeAccessDenied, "signing up is not open here")

type input struct {
	Email    string       `json:"email"`
	Subject  string       `json:"sub"`      // of /email/confirm, with a code
	Username string       `json:"username"` // of /email/change and /account/close
	Token    oauth.Secret `json:"token"`    // of /account/close, in place of username and password
	Language string       `json:"language"`
	Link     string       `json:"link"`
	Code     string       `json:"code"`
	Password oauth.Secret `json:"password"`
}

// decode reads a body.
func (f function) decode(r *apigw.Request, in *input) error {
	if err := r.Decode(in, apigw.JSON, apigw.Form); err != nil {
		return err
	}
	var err error
	in.Language, err = endpoint.Language(r, in.Language)
	return err
}

// ask orders a mail. The answer is the same for any address.
func (f function) ask(what pages.Mailed) handler {
	return func(ctx context.Context, r *apigw.Request, in input) (done, error) {
		by := enrol.Asker{Language: in.Language, Network: r.Network}
		e := f.enroller(r)
		order := e.AskToRecover
		if what == pages.SigningUp {
			order = e.AskToSignUp
		}
		return done{status: http.StatusAccepted}, order(ctx, in.Email, by)
	}
}

// proof is what somebody has from a mail.
func (in input) proof() (enrol.Proof, error) {
	proof := enrol.Proof{Link: in.Link, Address: in.Email, Code: in.Code}
	switch {
	case proof.Link == "" && (proof.Address == "" || proof.Code == ""):
		return proof, apigw.InvalidRequest("want link, or email and code")
	case proof.Link != "" && proof.Code != "":
		return proof, apigw.InvalidRequest("link and code: want one of them")
	}
	return proof, nil
}

// finish takes the link of a mail, or the address that it went to and its code, and a new password.
func (f function) finish(what pages.Mailed) handler {
	return func(ctx context.Context, r *apigw.Request, in input) (done, error) {
		proof, err := in.proof()
		if err != nil {
			return done{}, err
		}
		var (
			a     account.Account
			event = audit.Event{Name: audit.Recovered, Mail: string(mail.Recover)}
			made  = done{status: http.StatusOK}
		)
		if what == pages.SigningUp {
			event.Name, event.Mail, made.status = audit.SignedUp, string(mail.SignUp), http.StatusCreated
			if said, err := link.Read(proof.Link); err == nil && said.Purpose == link.Invite {
				event.Mail = string(mail.Invitation)
			}
			a, err = f.enroller(r).SignUp(ctx, proof, in.Password)
		} else {
			a, err = f.enroller(r).Recover(ctx, proof, in.Password, enrol.Asker{Language: in.Language, Network: r.Network})
		}
		return f.used(ctx, event, made, a, err)
	}
}

// used says what became of the link or the code of a mail.
func (f function) used(ctx context.Context, event audit.Event, made done, a account.Account, err error) (done, error) {
	var limited *account.TooManyAttemptsError
	switch {
	case errors.Is(err, link.ErrDead), errors.As(err, &limited):
		event.Name, event.Reason = audit.ProofRefused, "its link or code is not good, or not good any more"
		if limited != nil {
			event.Reason = "there were too many wrong codes for the address"
		}
		f.Trail.Record(ctx, event)
		return done{}, err
	case err != nil:
		return done{}, err
	}
	event.Subject = a.ID.String()
	f.Trail.Record(ctx, event)
	made.Subject, made.Username = a.ID.String(), a.Username
	return made, nil
}

// done is a success.
type done struct {
	status   int
	Subject  string `json:"sub"`
	Username string `json:"username"` // what they log in with; empty: not with a password

	asked   uuid.UUID // the account whose address is to change
	cookies []string
}

type handler func(context.Context, *apigw.Request, input) (done, error)

// answered answers JSON with JSON, and a form with a page.
func (f function) answered(step step) apigw.Handler {
	byForm := f.shown(step, f.byForm(step))
	return func(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
		if step.byPage || r.IsForm() {
			return byForm(ctx, r)
		}
		var in input
		err := errors.Join(f.open(step.what, step.asks), f.decode(r, &in))
		if err != nil {
			return apigw.Response{}, err
		}
		made, err := step.handle(ctx, r, in)
		if err != nil {
			return apigw.Response{}, told(err)
		}
		response := apigw.Response{Status: made.status}
		if made.Subject != "" {
			response.Body, err = json.Marshal(made)
		}
		return response, err
	}
}

// told is an error as applications are told it.
func told(err error) error {
	switch {
	case errors.Is(err, enrol.ErrClosed):
		return errClosed
	case errors.Is(err, link.ErrDead):
		return apigw.Refused(http.StatusBadRequest, oauth.CodeInvalidGrant, "the link or the code is not good, or not good any more: it was used, has expired, or the account has changed")
	case errors.Is(err, account.ErrAddressTaken):
		return apigw.Refused(http.StatusConflict, oauth.CodeAlreadyUsed, "another account has this address")
	case errors.Is(err, account.ErrExists):
		return apigw.Refused(http.StatusConflict, oauth.CodeAlreadyUsed, "somebody else logs in with this address as their name: ask the operator")
	}
	return mailrefusal.Of(err)
}
