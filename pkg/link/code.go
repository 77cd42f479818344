package link

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/keyring"
)

// letters are those that are hard to mistake and spell no words (RFC 8628 §6.1).
const letters = "BCDFGHJKLMNPQRSTVWXZ"

// codeLen letters are 43 bits: of ten guesses a day one in a million million is right.
const codeLen = 10

// A code is good from when it was made until the sixth of these steps of the clock ends: for 25 to 30 minutes. It holds no time,
// so all of the steps are tried.
const (
	codeStep  = 5 * time.Minute
	codeSteps = 6
)

const codeLabel = "wavepass code\x00"

// Code returns the code that stands beside a link, as ABCDE-FGHJK. It depends on what the link does, but for the expiry.
// Errors: oauth.ErrUnavailable.
func (l *Links) Code(ctx context.Context, of Link, state State) (string, error) {
	key, err := l.keys.Current(ctx)
	if err != nil {
		return "", fmt.Errorf("link: %w", err)
	}
	code := codeOf(key, of, state, l.step())
	return code[:codeLen/2] + "-" + code[codeLen/2:], nil
}

// CheckCode returns nil when the code is good. It does not count: the caller counts each try first, because nothing else keeps
// somebody from trying them all. Errors: ErrDead, oauth.ErrUnavailable.
func (l *Links) CheckCode(ctx context.Context, typed string, of Link, state State) error {
	keys, err := l.keys.All(ctx)
	if err != nil {
		return fmt.Errorf("link: %w", err)
	}
	typed = NormalCode(typed)
	good := 0
	for _, key := range keys { // a code does not name the one that has made it
		for back := range int64(codeSteps) {
			good |= subtle.ConstantTimeCompare([]byte(typed), []byte(codeOf(key, of, state, l.step()-back)))
		}
	}
	if good != 1 {
		return ErrDead
	}
	return nil
}

// NormalCode takes out what people type between the letters.
func NormalCode(typed string) string {
	if len(typed) > 4*codeLen {
		return ""
	}
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z':
			return r
		case r == ' ' || r == '-' || r == '\t':
			return -1
		}
		return '?'
	}, typed)
}

func (l *Links) step() int64 { return l.now().Unix() / int64(codeStep/time.Second) }

func codeOf(key keyring.MACKey, of Link, state State, step int64) string {
	payload := append([]byte{byte(of.Purpose)}, of.Account[:]...)
	payload = binary.BigEndian.AppendUint64(payload, uint64(step))
	payload = append(payload, of.Address...)
	message := bound(codeLabel, payload, state)
	var code strings.Builder
	for round := byte(0); ; round++ { // 20 does not divide 256: bytes from 240 on are passed over
		for _, b := range key.Sum(append(message, round)) {
			if b < 240 {
				code.WriteByte(letters[b%20])
			}
			if code.Len() == codeLen {
				return code.String()
			}
		}
	}
}
