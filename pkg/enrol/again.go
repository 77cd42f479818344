package enrol

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/link"
)

// repeats is how long after it was used a proof is answered again as it was at first, when that answer was lost. Nothing is changed then.
const repeats = 30 * time.Minute

// digest names a proof at the account that was made or changed by it. The text of a link is no secret any more once it is used, but it is nobody else's.
func (p Proof) digest(purpose link.Purpose) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "wavepass proof %d %q %q %q", purpose, p.Link, p.Address, link.NormalCode(p.Code)))
	return base64.RawStdEncoding.EncodeToString(sum[:])
}

// madeBy reports whether an account is as this very proof has made it a short while ago: nothing that raises the epoch has come since, so its password,
// its address and that it is open are those of then.
func (e *Enroller) madeBy(a account.Account, digest string) bool {
	return a.Proof.Epoch == a.Epoch && e.Now().Before(time.Unix(a.Epoch, 0).Add(repeats)) &&
		subtle.ConstantTimeCompare([]byte(a.Proof.Digest), []byte(digest)) == 1
}

// samePassword is nil when a password is the one that an account has: a request that sets another one is none that was carried out. The link or the
// code is used, and may lie about. So guesses are counted as wrong codes are. Errors: link.ErrDead, *account.TooManyAttemptsError, oauth.ErrUnavailable.
func (e *Enroller) samePassword(ctx context.Context, purpose link.Purpose, a account.Account, login account.LoginName, password account.NewPassword) error {
	refund, err := e.count(ctx, purpose, a.ID.String())
	switch {
	case err != nil:
		return err
	case !password.Fits(login.Hash):
		return link.ErrDead
	}
	refund()
	return nil
}
