package accounts

import (
	"context"
	"net/http"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/link"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/pages"
)

// keeping opens an account again that its person has closed.
func (f function) keeping() step {
	return step{
		what: pages.Keeping, path: link.Keep.Path(), handle: f.keep,
		form: func(r *apigw.Request, in input, _ fault) pages.Page {
			if in.Link == "" {
				return f.pages.Failed(languages(r), pages.Failed{Problem: pages.DeadKeep})
			}
			return f.pages.Keep(languages(r), pages.Keep{Base: endpoint.BasePath(r), Link: in.Link})
		},
		next: f.chosen(pages.Keeping),
	}
}

func (f function) keep(ctx context.Context, r *apigw.Request, in input) (done, error) {
	if in.Link == "" {
		return done{}, apigw.InvalidRequest("link is missing")
	}
	a, err := f.enroller(r).Keep(ctx, in.Link)
	event := audit.Event{Name: audit.AccountReopened, Mail: string(mail.Deletion)}
	return f.used(ctx, event, done{status: http.StatusOK}, a, err)
}
