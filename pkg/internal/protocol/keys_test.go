package protocol_test

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/keyring"
)

// keyTimes says what last happened to the keyring, and when.
type keyTimes struct {
	signing time.Time
	failed  time.Time // could last not be read
	added   time.Time // a MAC key that is not current yet; zero: there is none
}

const (
	published = 6 * time.Minute // for so long every verifier has seen a key
	spread    = 2 * time.Minute // for so long every function has seen a MAC key

	// retirement is how long a key verifies after its last signature may have been made (DESIGN §8).
	retirement = time.Minute + client.DefaultAccessLife + apart
)

// part is a stored part of the keyring, whatever its members.
type part = map[string]any

// rotateSigning promotes the next signing key, retires the current one, publishes a new next one and drops those
// that nothing can need any more, unless the next one is too young.
func (w *world) rotateSigning() {
	if now := w.clock.Now(); now.Sub(w.keys.signing) >= published {
		dead := now.Sub(w.keys.signing) >= retirement
		w.keys.signing = now
		w.replaceKeys(func(mine, fresh map[keyring.Part]part) {
			for _, p := range []keyring.Part{keyring.Signing, keyring.Public} {
				mine[p]["keys"] = promoted(mine[p]["keys"].([]any), fresh[p]["keys"].([]any), dead)
			}
		})
	}
}

func promoted(keys, fresh []any, dropRetired bool) []any {
	keys = slices.DeleteFunc(keys, func(key any) bool { return dropRetired && key.(part)["state"] == string(keyring.Retired) })
	after := map[any]string{"current": string(keyring.Retired), "next": string(keyring.Current), "retired": string(keyring.Retired)}
	for _, key := range keys {
		key.(part)["state"] = after[key.(part)["state"]]
	}
	for _, key := range fresh {
		if key.(part)["state"] == string(keyring.Next) {
			keys = append(keys, key)
		}
	}
	return keys
}

// rotateMAC adds a MAC key, and the next time makes it the current one. The old ones go on verifying.
func (w *world) rotateMAC() {
	now := w.clock.Now()
	switch {
	case w.keys.added.IsZero():
		w.keys.added = now
		w.replaceKeys(func(mine, fresh map[keyring.Part]part) {
			keys := mine[keyring.Refresh]["keys"].([]any)
			key := maps.Clone(fresh[keyring.Refresh]["keys"].([]any)[0].(part))
			key["version"] = len(keys) + 1
			mine[keyring.Refresh]["keys"] = append(keys, key)
		})
	case now.Sub(w.keys.added) >= spread:
		w.keys.added = time.Time{}
		w.replaceKeys(func(mine, _ map[keyring.Part]part) {
			mine[keyring.Refresh]["current"] = len(mine[keyring.Refresh]["keys"].([]any))
		})
	}
}

// replaceKeys edits the stored keyring; fresh is another one, to take new keys from.
func (w *world) replaceKeys(edit func(mine, fresh map[keyring.Part]part)) {
	other := fakestore.New(w.clock.Now)
	for _, store := range []*fakestore.Store{w.store, other} {
		if err := keyring.New(keyring.Config{Store: store, Sealer: w.sealer, Algorithm: keyring.ES256, Now: w.clock.Now}).Ensure(w.ctx); err != nil {
			w.fail("create the keyring: %v", err)
			return
		}
	}
	mine, version := w.openKeys(w.store)
	fresh, _ := w.openKeys(other)
	edit(mine, fresh)
	sealed := map[keyring.Part][]byte{}
	for name, content := range mine {
		data, err := json.Marshal(content)
		if err == nil && name != keyring.Public {
			data, err = w.sealer.Seal(w.ctx, string(name), data)
		}
		if err != nil {
			w.fail("seal %s: %v", name, err)
		}
		sealed[name] = data
	}
	if err := w.store.ReplaceParts(w.ctx, version, sealed); err != nil {
		w.fail("replace the keyring: %v", err)
	}
}

func (w *world) openKeys(store *fakestore.Store) (map[keyring.Part]part, int64) {
	parts, version := map[keyring.Part]part{}, int64(0)
	for _, name := range []keyring.Part{keyring.Signing, keyring.Refresh, keyring.Public} {
		item, err := store.ReadPart(w.ctx, name)
		plain := item.Data
		if err == nil && name != keyring.Public {
			plain, err = w.sealer.Open(w.ctx, string(name), plain)
		}
		var content part
		if err == nil {
			err = json.Unmarshal(plain, &content)
		}
		if err != nil {
			w.fail("open %s: %v", name, err)
		}
		parts[name], version = content, item.Version
	}
	return parts, version
}
