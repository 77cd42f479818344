package accounts

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/enrol"
	"github.com/wavepass/wavepass/pkg/link"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/pages"
)

// showAsk shows the form that asks for an address.
func (f function) showAsk(what pages.Mailed) apigw.Handler {
	return func(_ context.Context, r *apigw.Request) (apigw.Response, error) {
		if err := f.open(what, asks); err != nil {
			return apigw.Response{}, err
		}
		return page(http.StatusOK, f.pages.Ask(languages(r), pages.Ask{What: what, Base: endpoint.BasePath(r)})), nil
	}
}

// showFinish shows the form that asks for a new password, with the link in it. Without a link there is no address either, so the person
// begins anew.
func (f function) showFinish(what pages.Mailed) apigw.Handler {
	return func(_ context.Context, r *apigw.Request) (apigw.Response, error) {
		if err := f.open(what, !asks); err != nil {
			return apigw.Response{}, err
		}
		if r.Query["link"] == "" {
			return page(http.StatusOK, f.pages.Ask(languages(r), pages.Ask{What: what, Base: endpoint.BasePath(r)})), nil
		}
		return page(http.StatusOK, f.pages.Choose(languages(r), pages.Choose{What: what, Base: endpoint.BasePath(r), Link: r.Query["link"]})), nil
	}
}

// form answers a form of a page of ours.
func (f function) form(what pages.Mailed, asks bool, handle handler) apigw.Handler {
	return func(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
		var in input
		err := errors.Join(f.open(what, asks), endpoint.OfOurPage(r), f.decode(r, &in))
		if err != nil {
			return apigw.Response{}, err
		}
		made, err := handle(ctx, r, in)
		problem, value, status := problemOf(err)
		if problem == pages.DeadLink && in.Link == "" {
			problem = pages.WrongCode
		}
		page := func(drawn pages.Page) (apigw.Response, error) {
			response := page(status, drawn)
			var limited *account.TooManyAttemptsError
			if errors.As(told(err), &limited) {
				response.Headers["Retry-After"] = strconv.FormatInt(int64(limited.RetryAfter/time.Second)+1, 10)
			}
			return response, nil
		}
		switch {
		case problem == pages.Internal:
			return apigw.Response{}, told(err)
		case asks && err != nil:
			return page(f.pages.Ask(languages(r), pages.Ask{What: what, Base: endpoint.BasePath(r), Email: in.Email, Problem: problem, Value: value}))
		case asks:
			return page(f.pages.Choose(languages(r), pages.Choose{What: what, Base: endpoint.BasePath(r), Email: in.Email}))
		case err != nil && problem == pages.DeadLink && in.Link != "":
			return apigw.Response{}, told(err)
		case err != nil:
			return page(f.pages.Choose(languages(r), pages.Choose{
				What: what, Base: endpoint.BasePath(r), Link: in.Link, Email: in.Email, Code: in.Code, Problem: problem, Value: value,
			}))
		}
		return page(f.pages.Chosen(languages(r), pages.Chosen{What: what, Username: made.Username}))
	}
}

// problemOf says what the person can do about an error on the same page, with a number for its text; pages.Internal when nothing.
func problemOf(err error) (problem pages.Problem, value int, status int) {
	var (
		limited *account.TooManyAttemptsError
		fault   *account.PasswordError
	)
	switch {
	case err == nil:
		return "", 0, http.StatusOK
	case errors.Is(err, account.ErrAddress):
		return pages.NoAddress, 0, http.StatusBadRequest
	case errors.Is(err, mail.ErrTooMany):
		return pages.TooManyMails, 0, http.StatusTooManyRequests
	case errors.As(err, &limited):
		return pages.TooManyCodes, 0, http.StatusTooManyRequests
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
func (f function) shown(what pages.Mailed, handle apigw.Handler) apigw.Handler {
	return func(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
		response, err := handle(ctx, r)
		if err == nil {
			return response, nil
		}
		failed := pages.Failed{Problem: pages.Internal, Again: endpoint.BasePath(r) + strings.TrimSuffix(strings.TrimSuffix(pathOf(what), "/verify"), "/finish")}
		if f.open(what, asks) != nil {
			failed.Again = "" // an invitation comes from an operator
		}
		switch {
		case errors.Is(err, enrol.ErrClosed), errors.Is(err, errClosed), !f.SelfService.Recover:
			failed.Problem, failed.Again = pages.Closed, ""
		case errors.Is(err, browser.ErrCrossSite):
			failed.Problem = pages.Stale
		case errors.Is(err, oauth.ErrUnavailable):
			failed.Problem = pages.Unavailable
		}
		return apigw.Response{}, &apigw.ShownError{Err: err, Page: func(status int, trace string) apigw.Response {
			if failed.Problem == pages.Internal && status < http.StatusInternalServerError {
				failed.Problem = pages.DeadLink
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
