package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
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

// recall returns what is remembered of the text. The caller compares the key with the one that the header names now, because a key id
// may come to name another key, and hands out a copy of the claims.
func (s *seen) recall(text oauth.Secret) (verified, bool) {
	if s == nil {
		return verified{}, false
	}
	hash := hashOf(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.young[hash]
	if !ok {
		if found, ok = s.old[hash]; ok {
			s.put(hash, found)
		}
	}
	return found, ok
}

func (s *seen) keep(text oauth.Secret, key keyring.VerifyKey, c Claims) {
	if s == nil {
		return
	}
	hash := hashOf(text)
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

// hashOf copies a token of the usual length to the stack, where the conversion to bytes would put it on the heap.
func hashOf(text oauth.Secret) textHash {
	return sha256.Sum256(append(make([]byte, 0, 1024), text.Reveal()...))
}

func sameKey(a, b keyring.VerifyKey) bool {
	if key, ok := a.Public.(*ecdsa.PublicKey); ok && key == b.Public { // out of the same key set: to compare the numbers allocates
		return a.ID == b.ID && a.Algorithm == b.Algorithm
	}
	public, ok := a.Public.(interface{ Equal(crypto.PublicKey) bool })
	return ok && a.ID == b.ID && a.Algorithm == b.Algorithm && public.Equal(b.Public)
}

// clone returns a copy that shares no memory, so that callers cannot change what is remembered.
func (c Claims) clone() Claims {
	texts := make([]string, 0, len(c.Audience)+len(c.Roles)+c.methods())
	list := func(from []string) []string {
		if from == nil {
			return nil
		}
		begin := len(texts)
		texts = append(texts, from...)
		return texts[begin:len(texts):len(texts)] // full: who appends to one list does not write into the next
	}
	c.Audience, c.Roles = list(c.Audience), list(c.Roles)
	if c.Login != nil {
		login := *c.Login
		login.AMR = list(login.AMR)
		c.Login = &login
	}
	return c
}

func (c Claims) methods() int {
	if c.Login == nil {
		return 0
	}
	return len(c.Login.AMR)
}
