package accounts

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/enrol"
	"github.com/wavepass/wavepass/pkg/link"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/pages"
)

// changePath is the page where somebody asks for another address of their account.
const changePath = "/email/change"

// pageLimits are those of guesses at a password at that page, and at that which closes an account: fewer than at the login (AttemptLimits), whose counts they share where the windows
// are as long.
var pageLimits = account.Limits{
	Account: account.Limit{Count: 5, Window: 15 * time.Minute},
	Network: account.Limit{Count: 60, Window: 15 * time.Minute},
}

// changing is the page that asks for another address. It takes username and password rather than a session: a stolen one proves nothing here.
func (f function) changing() step {
	return step{
		what: pages.Changing, path: changePath, asks: true, byPage: true, handle: f.change,
		form: func(r *apigw.Request, in input, at fault) pages.Page {
			return f.pages.Change(languages(r), pages.Change{Base: endpoint.BasePath(r), Username: in.Username, Email: in.Email, Problem: at.problem, Value: at.value})
		},
		next: func(r *apigw.Request, in input, made done) pages.Page {
			return f.pages.Confirm(languages(r), pages.Confirm{Base: endpoint.BasePath(r), Subject: made.asked.String(), Email: in.Email})
		},
	}
}

// guessedError says that the password was not looked at, because there were too many wrong ones.
type guessedError struct{ limited *account.TooManyAttemptsError }

func (e *guessedError) Error() string { return e.limited.Error() }

func (e *guessedError) Unwrap() error { return e.limited }

// change orders the mail to a new address, for somebody who knows the password of the account. An address that is none costs no attempt.
func (f function) change(ctx context.Context, r *apigw.Request, in input) (done, error) {
	if _, err := account.CanonicalAddress(in.Email); err != nil {
		return done{}, err
	}
	who, err := f.byPassword(ctx, r, in)
	if err != nil {
		return done{}, err
	}
	if err := enrol.AskToChange(ctx, f.desk, who.Account.ID, in.Email, enrol.Asker{Language: in.Language, Network: r.Network}); err != nil {
		return done{}, err
	}
	f.Trail.Record(ctx, audit.Event{Name: audit.AddressAsked, Subject: who.Account.ID.String()})
	return done{status: http.StatusOK, asked: who.Account.ID}, nil
}

// byPassword returns whose username and password were typed. Errors: *guessedError, account.ErrInvalidCredentials, oauth.ErrUnavailable.
func (f function) byPassword(ctx context.Context, r *apigw.Request, in input) (account.Authenticated, error) {
	who, err := f.accounts.Authenticate(ctx, in.Username, in.Password, r.Network, nil)
	var (
		failed  *account.FailedError
		limited *account.TooManyAttemptsError
	)
	switch {
	case errors.As(err, &limited):
		f.Trail.Record(ctx, audit.Event{Name: audit.PasswordLimited})
		return who, &guessedError{limited}
	case errors.As(err, &failed):
		event := audit.Event{Name: audit.PasswordFailed}
		if failed.AccountID != uuid.Nil {
			event.Subject = failed.AccountID.String()
		}
		f.Trail.Record(ctx, event)
		return who, err
	case err != nil:
		return who, err
	}
	f.accounts.Settle(ctx, who)
	return who, nil
}

// confirming gives an account the address that a mail went to. Without a link there is no account either, so the person begins anew.
func (f function) confirming() step {
	return step{
		what: pages.Changing, path: link.Confirm.Path(), handle: f.confirm,
		form: func(r *apigw.Request, in input, at fault) pages.Page {
			if in.Link == "" && in.Email == "" {
				return f.pages.Change(languages(r), pages.Change{Base: endpoint.BasePath(r)})
			}
			return f.pages.Confirm(languages(r), pages.Confirm{
				Base: endpoint.BasePath(r), Link: in.Link, Subject: in.Subject, Email: in.Email, Code: in.Code, Problem: at.problem, Value: at.value,
			})
		},
		next: f.chosen(pages.Changing),
	}
}

func (f function) confirm(ctx context.Context, r *apigw.Request, in input) (done, error) {
	proof, err := in.proof()
	if err != nil {
		return done{}, err
	}
	if proof.Link == "" {
		if proof.Account, err = uuid.Parse(in.Subject); err != nil {
			return done{}, apigw.InvalidRequest("sub: want the account whose address is to change, beside email and code")
		}
	}
	a, err := f.enroller(r).Confirm(ctx, proof, enrol.Asker{Language: in.Language, Network: r.Network})
	event := audit.Event{Name: audit.AddressConfirmed, Mail: string(mail.ConfirmAddress)}
	return f.used(ctx, event, done{status: http.StatusOK}, a, err)
}

// takingBack gives an account the address that it had before, with a new password.
func (f function) takingBack() step {
	return step{
		what: pages.TakingBack, path: link.TakeBack.Path(), handle: f.takeBack,
		form: func(r *apigw.Request, in input, at fault) pages.Page {
			if in.Link == "" {
				return f.pages.Failed(languages(r), pages.Failed{Problem: pages.DeadTakeBack})
			}
			return f.pages.Choose(languages(r), pages.Choose{
				What: pages.TakingBack, Base: endpoint.BasePath(r), Link: in.Link, Problem: at.problem, Value: at.value,
			})
		},
		next: f.chosen(pages.TakingBack),
	}
}

func (f function) takeBack(ctx context.Context, r *apigw.Request, in input) (done, error) {
	if in.Link == "" {
		return done{}, apigw.InvalidRequest("link is missing")
	}
	a, err := f.enroller(r).TakeBack(ctx, in.Link, in.Password)
	event := audit.Event{Name: audit.AddressTakenBack, Mail: string(mail.AddressChanging)}
	return f.used(ctx, event, done{status: http.StatusOK}, a, err)
}
