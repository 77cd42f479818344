package revocation

import (
	"crypto/sha256"
	"maps"
	"time"
)

// denied is the content of the log in memory: for each name, 16 bytes long, the time until which it matters. Entries may be
// added in any order and more than once. Nothing but their expiry removes them.
type denied struct {
	expiry  map[name]int64   // unix seconds
	minimum map[name]minimum // the same for accounts and for clients that came back
}

// minimum is the least epoch of an account, or the earliest beginning of a client's session, that is accepted.
type minimum struct{ least, expiry int64 }

// name is half of the SHA-256 of a kind and an id. If two of them ever had the same name, a good token would be refused.
type name [16]byte

func nameOf(kind Kind, id string) name {
	var room [64]byte
	text := append(append(append(room[:0], kind...), 0), id...)
	sum := sha256.Sum256(text)
	return name(sum[:len(name{})])
}

func newDenied() denied { return denied{map[name]int64{}, map[name]minimum{}} }

func (d denied) add(e Entry) {
	n, expiry := nameOf(e.Kind, e.ID), e.ExpiresAt().Unix()+1 // never before it has expired
	if e.Kind == Account || e.Kind == Client && e.Before != 0 {
		was := d.minimum[n]
		d.minimum[n] = minimum{max(was.least, e.MinEpoch, e.Before), max(was.expiry, expiry)}
		return
	}
	d.expiry[n] = max(d.expiry[n], expiry)
}

// forget removes what has expired.
func (d denied) forget(now time.Time) {
	maps.DeleteFunc(d.expiry, func(_ name, expiry int64) bool { return expiry <= now.Unix() })
	maps.DeleteFunc(d.minimum, func(_ name, m minimum) bool { return m.expiry <= now.Unix() })
}

// denies reports whether an entry denies s. A field of s that is empty matches nothing.
func (d denied) denies(s Subject) bool {
	return d.has(Token, s.TokenID) ||
		d.has(Session, s.SessionID) ||
		d.has(Client, s.ClientID) ||
		d.has(Key, s.KeyID) ||
		d.isBelow(s.Began, Client, s.ClientID) ||
		d.isBelow(s.Epoch, Account, s.AccountID)
}

func (d denied) isBelow(value int64, kind Kind, id string) bool {
	if id == "" || len(d.minimum) == 0 { // to hash names is most of what a check costs
		return false
	}
	return value < d.minimum[nameOf(kind, id)].least
}

func (d denied) has(kind Kind, id string) bool {
	if id == "" || len(d.expiry) == 0 {
		return false
	}
	_, ok := d.expiry[nameOf(kind, id)]
	return ok
}
