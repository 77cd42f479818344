package revocation

import (
	"crypto/sha256"
	"maps"
	"time"
)

// denied is what the log denies, as it is kept in memory: 16 bytes for a name, and until when it matters.
// Entries are added in any order, and again; only time takes one away.
type denied struct {
	expiry  map[name]int64   // unix seconds
	minimum map[name]minimum // the same for accounts
}

type minimum struct{ epoch, expiry int64 }

// name is half of the SHA-256 of a kind and an id. If two ever shared one, a token too many would be refused.
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
	if e.Kind == Account {
		was := d.minimum[n]
		d.minimum[n] = minimum{max(was.epoch, e.MinEpoch), max(was.expiry, expiry)}
		return
	}
	d.expiry[n] = max(d.expiry[n], expiry)
}

// forget drops what has expired.
func (d denied) forget(now time.Time) {
	maps.DeleteFunc(d.expiry, func(_ name, expiry int64) bool { return expiry <= now.Unix() })
	maps.DeleteFunc(d.minimum, func(_ name, m minimum) bool { return m.expiry <= now.Unix() })
}

// denies compares what s says with the entries. A member that is empty is absent, and matches nothing.
func (d denied) denies(s Subject) bool {
	return d.has(Token, s.TokenID) ||
		d.has(Session, s.SessionID) ||
		d.has(Client, s.ClientID) ||
		d.has(Key, s.KeyID) ||
		s.AccountID != "" && s.Epoch < d.minimum[nameOf(Account, s.AccountID)].epoch
}

func (d denied) has(kind Kind, id string) bool {
	if id == "" {
		return false
	}
	_, ok := d.expiry[nameOf(kind, id)]
	return ok
}
