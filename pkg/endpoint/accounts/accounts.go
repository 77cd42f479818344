// Package accounts is what people do with their own accounts by way of their mailbox: POST /signup and /recover order a mail, and
// /signup/verify and /recover/finish take what was in it, with a new password. Applications send JSON and read JSON; browsers send the
// forms of the pages that GET shows, and see pages.
//
// GET changes nothing and looks nothing up, so a program that opens each link of a mail before its reader does no harm.
package accounts

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/enrol"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/link"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/pages"
)

// Store is what the function asks of the table.
type Store interface {
	enrol.Store
	mail.DeskStore
	keyring.LinkStore
}

// New returns the function. drawn are its pages.
func New(s endpoint.Settings, store Store, sealer keyring.Sealer, drawn *pages.Pages) apigw.Function {
	f := function{
		Settings: s, store: store, pages: drawn,
		links: link.New(keyring.NewLinkKeys(store, sealer, s.KeyTimes, s.Now), s.Now),
		desk:  mail.NewDesk(store, mail.DefaultLimits, s.Now),
	}
	handlers := map[string]apigw.Handler{}
	for path, what := range map[string]pages.Mailed{"/signup": pages.SigningUp, "/recover": pages.Recovering} {
		ask, finish := f.ask(what), f.finish(what)
		handlers["GET "+path] = f.shown(what, f.showAsk(what))
		handlers["POST "+path] = f.answered(what, asks, ask)
		handlers["GET "+pathOf(what)+"?link"] = f.shown(what, f.showFinish(what))
		handlers["POST "+pathOf(what)] = f.answered(what, !asks, finish)
	}
	return apigw.Serve(s.Config, handlers)
}

// asks says that a form asks for a mail, and does not answer one.
const asks = true

// pathOf is where what was mailed is used.
func pathOf(what pages.Mailed) string {
	if what == pages.SigningUp {
		return link.SignUp.Path()
	}
	return link.Recover.Path()
}

type function struct {
	endpoint.Settings
	store Store
	links *link.Links
	desk  *mail.Desk
	pages *pages.Pages
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
	case !f.SelfService.Recover:
		return apigw.Refused(http.StatusNotFound, oauth.CodeNotFound, "this service sends no mails, so nobody can sign up or recover an account here")
	case what == pages.SigningUp && !signsUp:
		return errClosed
	}
	return nil
}

var errClosed = apigw.Refused(http.StatusForbidden, oauth.CodeAccessDenied, "signing up is not open here")

type input struct {
	Email    string       `json:"email"`
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

// finish takes the link of a mail, or the address that it went to and its code, and a new password.
func (f function) finish(what pages.Mailed) handler {
	return func(ctx context.Context, r *apigw.Request, in input) (done, error) {
		proof := enrol.Proof{Link: in.Link, Address: in.Email, Code: in.Code}
		switch {
		case proof.Link == "" && (proof.Address == "" || proof.Code == ""):
			return done{}, apigw.InvalidRequest("want link, or email and code")
		case proof.Link != "" && proof.Code != "":
			return done{}, apigw.InvalidRequest("link and code: want one of them")
		}
		var (
			a     account.Account
			err   error
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
}

// done is a success.
type done struct {
	status   int
	Subject  string `json:"sub"`
	Username string `json:"username"` // what they log in with
}

type handler func(context.Context, *apigw.Request, input) (done, error)

// answered answers JSON with JSON, and a form with a page.
func (f function) answered(what pages.Mailed, asks bool, handle handler) apigw.Handler {
	return func(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
		if r.IsForm() {
			return f.shown(what, f.form(what, asks, handle))(ctx, r)
		}
		var in input
		err := errors.Join(f.open(what, asks), f.decode(r, &in))
		if err != nil {
			return apigw.Response{}, err
		}
		made, err := handle(ctx, r, in)
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
	case errors.Is(err, mail.ErrTooMany):
		return &account.TooManyAttemptsError{RetryAfter: mail.DefaultLimits.Network.Window}
	case errors.Is(err, account.ErrAddress):
		return apigw.InvalidRequest("email: want an address like name@example.com, in ASCII before the @")
	case errors.Is(err, link.ErrDead):
		return apigw.Refused(http.StatusBadRequest, oauth.CodeInvalidGrant, "the link or the code is not good, or not good any more: it was used, has expired, or the account has changed")
	case errors.Is(err, account.ErrExists):
		return apigw.Refused(http.StatusConflict, oauth.CodeAlreadyUsed, "somebody else logs in with this address as their name: ask the operator")
	}
	return err
}
