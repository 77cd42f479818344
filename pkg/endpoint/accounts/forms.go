package accounts

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/enrol"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/link"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/pages"
)

// asking asks for a mail to an address.
func (f function) asking(what pages.Mailed, path string) step {
	return step{
		what: what, path: path, asks: true, handle: f.ask(what),
		form: func(r *apigw.Request, in input, at fault) pages.Page {
			return f.pages.Ask(languages(r), pages.Ask{What: what, Base: endpoint.BasePath(r), Email: in.Email, Problem: at.problem, Value: at.value})
		},
		next: func(r *apigw.Request, in input, _ done) pages.Page {
			return f.pages.Choose(languages(r), pages.Choose{What: what, Base: endpoint.BasePath(r), Email: in.Email})
		},
	}
}

// finishing asks for a new password, with the link of a mail in its form, or with the address that a mail was just ordered for. Without
// either the person begins anew.
func (f function) finishing(what pages.Mailed, path string) step {
	return step{
		what: what, path: path, handle: f.finish(what),
		form: func(r *apigw.Request, in input, at fault) pages.Page {
			if in.Link == "" && in.Email == "" {
				return f.pages.Ask(languages(r), pages.Ask{What: what, Base: endpoint.BasePath(r)})
			}
			return f.pages.Choose(languages(r), pages.Choose{
				What: what, Base: endpoint.BasePath(r), Link: in.Link, Email: in.Email, Code: in.Code, Problem: at.problem, Value: at.value,
			})
		},
		next: f.chosen(what),
	}
}

// chosen says that what was mailed was used.
func (f function) chosen(what pages.Mailed) func(*apigw.Request, input, done) pages.Page {
	return func(r *apigw.Request, _ input, made done) pages.Page {
		return f.pages.Chosen(languages(r), pages.Chosen{What: what, Username: made.Username})
	}
}

// show shows the form of a step.
func (f function) show(step step) apigw.Handler {
	return func(_ context.Context, r *apigw.Request) (apigw.Response, error) {
		if err := f.open(step.what, step.asks); err != nil {
			return apigw.Response{}, err
		}
		return page(http.StatusOK, step.form(r, input{Link: r.Query["link"]}, fault{})), nil
	}
}

// byForm answers a form of a page of ours.
func (f function) byForm(step step) apigw.Handler {
	return func(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
		var in input
		err := errors.Join(f.open(step.what, step.asks), endpoint.OfOurPage(r), f.decode(r, &in))
		if err != nil {
			return apigw.Response{}, err
		}
		made, err := step.handle(ctx, r, in)
		problem, value, status := problemOf(err)
		if problem == pages.DeadLink && in.Link == "" {
			problem = pages.WrongCode
		}
		switch {
		case problem == pages.Internal, problem == pages.DeadLink:
			return apigw.Response{}, told(err)
		case err == nil:
			response := page(status, step.next(r, in, made))
			response.Cookies = made.cookies
			return response, nil
		}
		response := page(status, step.form(r, in, fault{problem, value}))
		var limited *account.TooManyAttemptsError
		if errors.As(told(err), &limited) {
			response.Headers["Retry-After"] = strconv.FormatInt(int64(limited.RetryAfter/time.Second)+1, 10)
		}
		return response, nil
	}
}

// problemOf says what the person can do about an error on the same page, with a number for its text; pages.Internal when nothing.
func problemOf(err error) (problem pages.Problem, value int, status int) {
	var (
		limited *account.TooManyAttemptsError
		guessed *guessedError
		fault   *account.PasswordError
	)
	switch {
	case err == nil:
		return "", 0, http.StatusOK
	case errors.Is(err, account.ErrAddress):
		return pages.NoAddress, 0, http.StatusBadRequest
	case errors.Is(err, mail.ErrTooMany):
		return pages.TooManyMails, 0, http.StatusTooManyRequests
	case errors.As(err, &guessed):
		return pages.TooMany, int((guessed.limited.RetryAfter + time.Minute - 1) / time.Minute), http.StatusTooManyRequests
	case errors.Is(err, account.ErrInvalidCredentials):
		return pages.WrongPassword, 0, http.StatusBadRequest
	case errors.Is(err, account.ErrAddressTaken), errors.Is(err, account.ErrExists):
		return pages.AddressTaken, 0, http.StatusConflict
	case errors.As(err, &limited):
		return pages.TooManyCodes, 0, http.StatusTooManyRequests
	case errors.Is(err, grant.ErrOldLogin):
		return pages.OldLogin, 0, http.StatusBadRequest
	case errors.Is(err, grant.ErrPasswordMissing):
		return pages.HasPassword, 0, http.StatusBadRequest
	case errors.Is(err, link.ErrDead):
		return pages.DeadLink, 0, http.StatusBadRequest
	case errors.As(err, &fault):
		return pages.Problem("password_" + string(fault.Fault)), fault.Least, http.StatusBadRequest
	case errors.Is(err, account.ErrPassword):
		return pages.PasswordCharacter, 0, http.StatusBadRequest
	}
	return pages.Internal, 0, http.StatusInternalServerError
}

// shown makes every error of a handler a page.
func (f function) shown(step step, handle apigw.Handler) apigw.Handler {
	return func(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
		response, err := handle(ctx, r)
		if err == nil {
			return response, nil
		}
		failed := pages.Failed{Problem: pages.Internal, Again: f.again(step)}
		if failed.Again != "" {
			failed.Again = endpoint.BasePath(r) + failed.Again
		}
		switch {
		case errors.Is(err, enrol.ErrClosed), errors.Is(err, errClosed), f.open(step.what, false) != nil && !f.SelfService.Recover:
			failed.Problem, failed.Again = pages.Closed, ""
		case errors.Is(err, browser.ErrCrossSite):
			failed.Problem = pages.Stale
		case errors.Is(err, oauth.ErrUnavailable):
			failed.Problem = pages.Unavailable
		}
		return apigw.Response{}, &apigw.ShownError{Err: err, Page: func(status int, trace string) apigw.Response {
			if failed.Problem == pages.Internal && status < http.StatusInternalServerError {
				failed.Problem = pages.DeadLink
				switch step.what {
				case pages.TakingBack:
					failed.Problem = pages.DeadTakeBack
				case pages.Closing:
					failed.Problem = pages.Stale
				case pages.Keeping:
					failed.Problem = pages.DeadKeep
				}
			}
			failed.Trace = trace
			return page(status, f.pages.Failed(languages(r), failed))
		}}
	}
}

func page(status int, drawn pages.Page) apigw.Response {
	return apigw.Response{Status: status, Headers: drawn.Headers, Body: drawn.HTML}
}

func languages(r *apigw.Request) pages.Languages {
	return pages.Languages{Accept: r.Header("Accept-Language")}
}
