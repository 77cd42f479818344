package mailer

import (
	"context"
	"fmt"

	"github.com/wavepass/wavepass/pkg/mail"
)

// Notices writes the letters that need no link of their own: they lead to the page of the service where people log in.
type Notices struct{ Page string }

// Letter implements mail.Letters.
func (n Notices) Letter(_ context.Context, o mail.Order) (mail.Letter, error) {
	if o.Purpose != mail.PasswordChanged {
		return mail.Letter{}, fmt.Errorf("mailer: there is no link for %s", o.Purpose)
	}
	return mail.Letter{Purpose: o.Purpose, Link: n.Page}, nil
}
