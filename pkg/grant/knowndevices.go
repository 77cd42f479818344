package grant

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

const (
	// KnownDeviceLife is how long a device is known after a login.
	KnownDeviceLife = 180 * 24 * time.Hour

	maxAccounts  = 5  // whose logins one device keeps
	maxPresented = 20 // tokens that are looked at, in all cookies together

	deviceMACLen = 16

	// knownDeviceLabel begins every message, so that the MAC is none of a refresh token, a name or anything else under the key.
	knownDeviceLabel = "wavepass known device\x00"
)

// deviceToken says that somebody has logged in to an account on a device. It is no credential: it opens nothing, and without the password it
// only lets its holder fail 100 times more. The table knows nothing of it. It dies with the password (docs/adr/0063-a-known-device-has-its-own-count.md).
type deviceToken struct {
	version byte // of the MAC key
	account uuid.UUID
	issued  uint32 // Unix time
	mac     [deviceMACLen]byte
}

const deviceTokenLen = 1 + 16 + 4 + deviceMACLen

func newDeviceToken(key keyring.MACKey, accountID uuid.UUID, clientID string, digest account.HashDigest, now time.Time) deviceToken {
	t := deviceToken{version: key.Version(), account: accountID, issued: uint32(now.Unix())}
	t.mac = t.sum(key, clientID, digest)
	return t
}

func (t deviceToken) sum(key keyring.MACKey, clientID string, digest account.HashDigest) [deviceMACLen]byte {
	message := append([]byte(knownDeviceLabel), t.account[:]...)
	message = binary.BigEndian.AppendUint32(message, t.issued)
	message = append(message, digest[:]...)
	return [deviceMACLen]byte(key.Sum(append(message, clientID...)))
}

func (t deviceToken) encode() string {
	raw := append([]byte{t.version}, t.account[:]...)
	raw = binary.BigEndian.AppendUint32(raw, t.issued)
	return base64.RawURLEncoding.EncodeToString(append(raw, t.mac[:]...))
}

func parseDeviceToken(text string) (t deviceToken, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != deviceTokenLen {
		return deviceToken{}, false
	}
	t.version, t.account = raw[0], uuid.UUID(raw[1:17])
	t.issued, t.mac = binary.BigEndian.Uint32(raw[17:21]), [deviceMACLen]byte(raw[21:])
	return t, true
}

// knownDevice is what a caller presented, as `device_token` or in a cookie: the tokens of up to five accounts.
type knownDevice struct {
	tokens []deviceToken
	client string
	macs   session.Keys
	now    time.Time
}

// presented reads what a caller has presented. What cannot be read is passed over.
func (b beginner) presented(devices oauth.Secret, clientID string) knownDevice {
	d := knownDevice{client: clientID, macs: b.MAC, now: b.Now()}
	for text := range strings.SplitSeq(devices.Reveal(), ".") {
		if t, ok := parseDeviceToken(text); ok && len(d.tokens) < maxPresented {
			d.tokens = append(d.tokens, t)
		}
	}
	return d
}

// of is an account.KnownDevice. A key that cannot be read makes the device unknown; the login itself says that the keys are missing.
func (d knownDevice) of(ctx context.Context, login account.LoginName) string {
	for _, t := range d.tokens {
		age := d.now.Sub(time.Unix(int64(t.issued), 0))
		if t.account != login.AccountID || age > KnownDeviceLife || age < -time.Minute {
			continue
		}
		key, err := d.macs.Key(ctx, t.version)
		if err != nil {
			continue
		}
		if want := t.sum(key, d.client, login.Digest()); subtle.ConstantTimeCompare(want[:], t.mac[:]) == 1 {
			return string(t.mac[:])
		}
	}
	return ""
}

// with returns what the device holds after a login: a new token of the account, and those of the four others that were used last.
func (d knownDevice) with(key keyring.MACKey, accountID uuid.UUID, digest account.HashDigest) oauth.Secret {
	tokens := slices.DeleteFunc(slices.Clone(d.tokens), func(t deviceToken) bool { return t.account == accountID })
	slices.SortStableFunc(tokens, func(a, b deviceToken) int { return bytes.Compare(a.account[:], b.account[:]) })
	tokens = slices.CompactFunc(tokens, func(a, b deviceToken) bool { return a.account == b.account })
	slices.SortStableFunc(tokens, func(a, b deviceToken) int { return int(int64(b.issued) - int64(a.issued)) })
	held := []string{newDeviceToken(key, accountID, d.client, digest, d.now).encode()}
	for _, t := range tokens[:min(len(tokens), maxAccounts-1)] {
		held = append(held, t.encode())
	}
	return oauth.NewSecret(strings.Join(held, "."))
}
