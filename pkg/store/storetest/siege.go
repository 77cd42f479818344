package storetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	siegePassword = "surf-the-canary-wave"
	siegeHash     = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$Hk2Ihe6gMnFFWpLVbVLYzUd5hXr+1mORtJSYCPOQZnk" // cheap
)

// siege is a botnet that knows a name: 64 callers at once guess from 500 networks, one of which is the person's own. With WAVEPASS_LONG
// there are 5,000 guesses, else 1,000. The person's device is known, and they log in at every moment.
func siege(t *testing.T, f fixture) {
	const networks, callers, rounds = 500, 64, 10
	guesses := 1_000
	if os.Getenv("WAVEPASS_LONG") != "" {
		guesses = 5_000
	}
	a := account.Account{ID: newID(t), Username: fresh(t, "grace"), Epoch: f.clock.Now().Unix()}
	wantErr(t, "create", f.CreateAccount(t.Context(), a, siegeHash), nil)
	auth := account.NewAuthenticator(f, f, account.DefaultLimits, f.clock.Now)
	prefix := fresh(t, "network") // no other test has counted here
	try := func(n int, password string, device account.KnownDevice) error {
		got, err := auth.Authenticate(t.Context(), a.Username, oauth.NewSecret(password), fmt.Sprint(prefix, n%networks), device)
		if err == nil {
			auth.Settle(t.Context(), got)
		}
		return err
	}
	laptop := func(context.Context, account.LoginName) string { return a.ID.String() }

	var answered atomic.Int32
	for round := range rounds {
		errs := parallel(callers, func(caller int) error {
			if caller == 0 {
				return try(0, siegePassword, laptop)
			}
			for n := caller; n < guesses/rounds; n += callers - 1 {
				err := try(round*guesses/rounds+n, "canary-wrong", nil)
				var limited *account.TooManyAttemptsError
				switch {
				case errors.Is(err, account.ErrInvalidCredentials):
					answered.Add(1)
				case !errors.As(err, &limited):
					return err
				}
			}
			return nil
		})
		for caller, err := range errs {
			wantErr(t, fmt.Sprintf("round %d, caller %d (0: the person)", round, caller), err, nil)
		}
	}
	if answered.Load() != 100 {
		t.Errorf("%d of %d guesses were answered, want 100", answered.Load(), guesses)
	}
	var limited *account.TooManyAttemptsError
	if err := try(1, siegePassword, nil); !errors.As(err, &limited) {
		t.Errorf("the person on another device: %v, want too many attempts", err)
	}
	const recovered = "another-canary-wave"
	wantErr(t, "recover", account.NewEditor(f, f.clock.Now).SetPassword(t.Context(), a.ID, oauth.NewSecret(recovered), account.PasswordRules{}), nil)
	wantErr(t, "the person on another device, after a recovery", try(networks-1, recovered, nil), nil)
}
