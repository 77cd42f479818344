package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/operate"
)

type keyCommands struct {
	List       keyList   `cmd:"" help:"Show every key, its state and what comes next."`
	Rotate     keyRotate `cmd:"" help:"Do what is due, as the schedule does; with --now have the next key sign at once."`
	Revoke     keyRevoke `cmd:"" help:"Emergency: refuse every access token that a key has signed, and sign with the next one."`
	Reset      keyReset  `cmd:"" help:"Begin anew with fresh keys: everybody has to log in again."`
	ExportJWKS keyExport `cmd:"" name:"export-jwks" help:"Print the public keys as a JWKS (RFC 7517)."`
}

type keyList struct{ target }

// Help is shown by `wavepass key list --help`.
func (c *keyList) Help() string { return "  wavepass key list --json" }

// Run prints the keys, the oldest first.
func (c *keyList) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		keys, err := a.keys().Ring.List(ctx)
		if err != nil && !errors.Is(err, keyring.ErrMissing) {
			return err
		}
		switch {
		case c.JSON:
			return printJSON(o.out, keysForJSON(keys))
		case err != nil:
			_, err = fmt.Fprintln(o.out, noKeyYet)
			return err
		}
		if !a.knowsPeriod() {
			fmt.Fprintf(o.log, "KEY_PERIOD is not set: when keys are due is told for %s\n", a.cfg.KeyPeriod)
		}
		return printKeys(o.out, keys, time.Now())
	})
}

// noKeyYet is said of a deployment that nobody has used.
const noKeyYet = "no key yet: the first login creates them, or the next run of the schedule"

func printKeys(out io.Writer, keys []keyring.Key, now time.Time) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KEY\tALG\tSTATE\tPUBLISHED\tNEXT CHANGE")
	for _, key := range keys {
		if key.State == keyring.Gone {
			continue // only its version is stored
		}
		published := "unknown"
		if !key.CreatedAt.IsZero() {
			published = age(now.Sub(key.CreatedAt)) + " ago"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", key.ID, key.Algorithm, key.State, published, nextChange(key, now))
	}
	return table.Flush()
}

func nextChange(key keyring.Key, now time.Time) string {
	what := map[keyring.State]string{keyring.Next: "signs", keyring.Current: "retires", keyring.Retired: "goes"}[key.State]
	switch {
	case key.Due.IsZero():
		return "none yet: no key is published to follow it"
	case !key.Due.After(now):
		if strings.HasPrefix(key.ID, keyring.LinkPrefix) {
			return what + " with the next mail"
		}
		return what + " with the next run of the schedule"
	}
	return fmt.Sprintf("%s in %s, %s", what, age(key.Due.Sub(now)), key.Due.Local().Format("2006-01-02 15:04 MST"))
}

// age prints a duration in its two largest units.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%dd", d/day)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%ds", max(0, d)/time.Second)
}

type keyJSON struct {
	ID         string    `json:"kid"`
	Algorithm  string    `json:"alg"`
	State      string    `json:"state"`
	CreatedAt  time.Time `json:"created_at,omitzero"`
	PromotedAt time.Time `json:"promoted_at,omitzero"`
	RetiredAt  time.Time `json:"retired_at,omitzero"`
	Due        time.Time `json:"due,omitzero"`
}

func keysForJSON(keys []keyring.Key) []keyJSON {
	out := make([]keyJSON, len(keys))
	for i, k := range keys {
		out[i] = keyJSON{k.ID, string(k.Algorithm), string(k.State), k.CreatedAt, k.PromotedAt, k.RetiredAt, k.Due}
	}
	return out
}

type keyRotate struct {
	target
	Now bool `help:"Have the next key sign at once, even if verifiers may not know it yet."`
}

// Help is shown by `wavepass key rotate --help`.
func (c *keyRotate) Help() string {
	return `The schedule does the same by itself every hour; where nothing is due nothing is done. For a table, KEY_PERIOD says
what the stack's KeyPeriod is.

  KEY_PERIOD=720h wavepass key rotate --table wavepass-TableXYZ --sealing-key kms:arn:aws:kms:…`
}

// Run takes the steps that are due. With --now it makes the next key the current one.
func (c *keyRotate) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		if !a.knowsPeriod() && !c.Now {
			return errors.New("set KEY_PERIOD to the stack's KeyPeriod, so that it is known what is due; or have the next key sign with --now")
		}
		var steps []keyring.Step
		if a.knowsPeriod() {
			var err error
			if steps, err = a.keys().Rotate(ctx); err != nil {
				return c.tell(o, a, aboutKeys("rotated", steps, ""), explainKeys(err))
			}
		}
		switch {
		case c.Now && publishedSigningKey(steps): // verifiers do not know the new next key yet
			return c.tell(o, a, aboutKeys("rotated", steps, fmt.Sprintf(
				"The next key has just been published: caches learn of it within %s; until then it should not sign.", endpoint.KeyTimes(a.cfg).Spread())), nil)
		case len(steps) > 0 && !c.Now:
			return c.tell(o, a, aboutKeys("rotated", steps, ""), nil)
		}
		next, err := nextKey(ctx, a.keys().Ring)
		switch {
		case err != nil:
			return err
		case !c.Now:
			return c.tell(o, a, aboutKeys("rotated", nil, fmt.Sprintf(
				"Nothing is due: the next key signs in %s; --now has it sign at once.", age(time.Until(next.Due)))), nil)
		}
		return c.promote(ctx, o, a, next, steps)
	})
}

// publishedSigningKey reports whether one of the steps has published a signing key.
func publishedSigningKey(steps []keyring.Step) bool {
	return slices.ContainsFunc(steps, func(s keyring.Step) bool {
		return s.What == keyring.WasPublished && !strings.HasPrefix(s.Key, keyring.MACPrefix)
	})
}

func (c *keyRotate) promote(ctx context.Context, o output, a admin, next keyring.Key, before []keyring.Step) error {
	if unknown := endpoint.KeyTimes(a.cfg).Spread() - time.Since(next.CreatedAt); unknown > 0 {
		fmt.Fprintf(o.log, "warning: key %s was published %s ago: for up to %s verifiers may refuse what it signs\n",
			next.ID, age(time.Since(next.CreatedAt)), age(unknown))
	}
	steps, err := a.keys().Promote(ctx, next.ID)
	return c.tell(o, a, aboutKeys("rotated", append(before, steps...), ""), explainKeys(err))
}

func nextKey(ctx context.Context, ring *keyring.Keyring) (keyring.Key, error) {
	keys, err := ring.List(ctx)
	if err != nil {
		return keyring.Key{}, explainKeys(err)
	}
	for _, key := range keys {
		if key.State == keyring.Next && !key.IsMAC() {
			return key, nil
		}
	}
	return keyring.Key{}, errors.New("no next key is published: repeat the command")
}

type keyRevoke struct {
	target
	KID string `arg:"" help:"Key id, as key list shows it."`
}

// Help is shown by `wavepass key revoke --help`.
func (c *keyRevoke) Help() string {
	return `For a signing key that leaked. Sessions live on: each client gets a token of the new key by a refresh.

  wavepass key list
  wavepass key revoke JxkqB6gLEtwf`
}

// Run denies the key and removes it from the set.
func (c *keyRevoke) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		if strings.Contains(c.KID, ":") { // no signing key's id has one
			return errors.New("MAC keys are not revoked one by one: `wavepass key reset` replaces them all, and everybody logs in again")
		}
		steps, err := a.keys().Revoke(ctx, c.KID)
		times := endpoint.KeyTimes(a.cfg)
		note := fmt.Sprintf("Its tokens are refused within the revocation bound. Issuing functions sign with the new key within %s; until then\n"+
			"what they issue may be refused, and clients refresh again. Others go on accepting the key for as long as they cache\n"+
			"the key set, and %s.", times.SignerLife(), times.VerifierLife())
		return c.tell(o, a, aboutKeys("revoked", steps, note), explainKeys(err))
	})
}

type keyReset struct {
	target
	Yes bool `help:"Really: every refresh token dies, and every link in a mail."`
}

// Help is shown by `wavepass key reset --help`.
func (c *keyReset) Help() string {
	return `Every refresh token dies, so everybody has to log in again; access tokens live on until they expire. Every link
and code in a mail dies too. Do this after a table was restored from a backup, because refresh tokens that were used up since then would be good
again, and after a sealing key was lost. The old keys are not opened.

  wavepass key reset --yes`
}

// Run replaces every key.
func (c *keyReset) Run(ctx context.Context, o output, in invocation) error {
	if err := in.confirm(ctx, o, c.Yes, "this logs everybody out", "everybody"); err != nil {
		return err
	}
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		steps, err := a.keys().Reset(ctx)
		note := fmt.Sprintf("Refresh tokens, links and codes made before are refused everywhere within %s. Functions learn of the new keys in that time;\n"+
			"people who log in meanwhile may have to do so once more.", endpoint.KeyTimes(a.cfg).SignerLife())
		return c.tell(o, a, aboutKeys("reset", steps, note), explainKeys(err))
	})
}

type keyExport struct{ target }

// Help is shown by `wavepass key export-jwks --help`.
func (c *keyExport) Help() string { return "  wavepass key export-jwks >jwks.json" }

// Run prints the key set that /.well-known/jwks.json serves.
func (c *keyExport) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		set, err := keyring.NewPublicKeys(a.store, endpoint.KeyTimes(a.cfg), time.Now).JWKS(ctx)
		if err != nil {
			return explainKeys(err)
		}
		_, err = fmt.Fprintf(o.out, "%s\n", set)
		return err
	})
}

// explainKeys says what to do about an error of the keyring.
func explainKeys(err error) error {
	switch {
	case errors.Is(err, keyring.ErrMissing):
		return errors.New("there is no keyring yet: the first login creates it, or the next run of the schedule")
	case errors.Is(err, operate.ErrOnlyDenied):
		return fmt.Errorf("%w\nThe key is denied and STILL SIGNS: everybody's access tokens are refused. Repeat the command until it succeeds, within the hour", err)
	case errors.Is(err, keyring.ErrUnknownKey):
		return fmt.Errorf("%w: not in the set, perhaps revoked already; `wavepass key list` shows what is", err)
	case errors.Is(err, keyring.ErrNotNext):
		return fmt.Errorf("%w any more: somebody else has rotated; `wavepass key list` shows what is", err)
	}
	return err
}

// keyIDsLast moves key ids that begin with a dash, as one in 64 does, behind "--": else they would be read as flags.
func keyIDsLast(args []string) []string {
	if slices.Contains(args, "--") {
		return args
	}
	var rest, ids []string
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") && isKeyID(arg) {
			ids = append(ids, arg)
		} else {
			rest = append(rest, arg)
		}
	}
	if len(ids) == 0 {
		return args
	}
	return slices.Concat(rest, []string{"--"}, ids)
}

// isKeyID reports whether the text is as long as a key id, and as it is written: a SHA-256 thumbprint in base64url (RFC 7638).
func isKeyID(text string) bool {
	sum, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && len(sum) == sha256.Size
}
