package token

import (
	"crypto"
	"crypto/sha256"
	"slices"
	"sync"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// seen remembers the claims of verified tokens, so that the signature of a token is checked once. Only tokens that have
// passed every check are remembered, so made-up ones displace nothing. A nil *seen remembers nothing.
//
// It has two halves. A token that is asked for moves to the younger one; when that is full, the older one is dropped.
type seen struct {
	half int // how many tokens each half holds

	mu         sync.Mutex
	young, old map[textHash]verified
}

type textHash [sha256.Size]byte

// verified is what a token says, and the key that its signature was checked with.
type verified struct {
	key    keyring.VerifyKey
	claims Claims
}

func newSeen(most int) *seen { return &seen{half: max(1, most/2), young: map[textHash]verified{}} }

// recall returns the claims of the text if it was verified with this key. The public keys are compared, because a key id may
// come to name another key.
func (s *seen) recall(text oauth.Secret, key keyring.VerifyKey) (Claims, bool) {
	if s == nil {
		return Claims{}, false
	}
	hash := textHash(sha256.Sum256([]byte(text.Reveal())))
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.young[hash]
	if !ok {
		if found, ok = s.old[hash]; ok {
			s.put(hash, found)
		}
	}
	if !ok || !sameKey(found.key, key) {
		return Claims{}, false
	}
	return found.claims.clone(), true
}

func (s *seen) keep(text oauth.Secret, key keyring.VerifyKey, c Claims) {
	if s == nil {
		return
	}
	hash := textHash(sha256.Sum256([]byte(text.Reveal())))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(hash, verified{key, c.clone()})
}

func (s *seen) put(hash textHash, v verified) {
	if _, there := s.young[hash]; !there && len(s.young) >= s.half {
		s.old, s.young = s.young, make(map[textHash]verified, s.half)
	}
	s.young[hash] = v
}

func sameKey(a, b keyring.VerifyKey) bool {
	public, ok := a.Public.(interface{ Equal(crypto.PublicKey) bool })
	return ok && a.ID == b.ID && a.Algorithm == b.Algorithm && public.Equal(b.Public)
}

// clone returns a copy that shares no memory, so that callers cannot change what is remembered.
func (c Claims) clone() Claims {
	c.Audience, c.Roles = slices.Clone(c.Audience), slices.Clone(c.Roles)
	if c.Login != nil {
		login := *c.Login
		login.AMR = slices.Clone(login.AMR)
		c.Login = &login
	}
	return c
}
