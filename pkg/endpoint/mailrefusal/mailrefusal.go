// Package mailrefusal says why no mail was ordered, as applications are told it. It is no part of package endpoint, because most functions order no mails and
// start without what does.
package mailrefusal

import (
	"errors"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/mail"
)

// Of returns what the caller is told of an error of somebody who asks for a mail. Other errors are returned as they are.
func Of(err error) error {
	switch {
	case errors.Is(err, mail.ErrTooMany):
		return &account.TooManyAttemptsError{RetryAfter: mail.DefaultLimits.Network.Window}
	case errors.Is(err, account.ErrAddress):
		return apigw.InvalidRequest("email: want an address like name@example.com, in ASCII before the @")
	}
	return err
}
