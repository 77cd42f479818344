package token

// EncodeClaims returns the claims as they stand in an access token, for a record that stands for one that was verified. The key id is not
// among them. Without the signature they open nothing.
func EncodeClaims(c Claims) []byte { return encode(c) }

// DecodeClaims reads what EncodeClaims has written. Nothing of it was verified. The error is ErrInvalid.
func DecodeClaims(stored []byte) (Claims, error) { return decodeClaims(stored) }

// Recheck is Verify for claims that were verified once and were kept since: it checks them against want and the clock, and not the
// signature. The error is ErrInvalid.
func (v *Verifier) Recheck(c Claims, want Expect) error { return check(c, want, v.now()) }
