package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

var keyringTests = []subtest{
	{"NoneIsErrMissing", keyringMissing},
	{"EveryByteComesBackAndVersionsCount", keyringRoundTrip},
	{"OtherVersionIsErrConflictAndChangesNothing", keyringConflict},
	{"AppliedButReplyLostIsErrConflict", keyringReplyLost},
	{"OneOfManyParallelWins", keyringParallel},
	{"PartsAreNeverMixed", keyringNeverMixed},
	{"CancelledWriteIsErrUnavailableAndChangesNothing", keyringCancelled},
	{"ValuesAreCopies", keyringCopies},
	{"KeyOfLinksIsCreatedOnceAndStaysWhenTheRestIsReplaced", keyringLinks},
}

var parts = []keyring.Part{keyring.Signing, keyring.Refresh, keyring.Public}

// content returns three parts that tell their writer and themselves.
func content(writer string) map[keyring.Part][]byte {
	c := map[keyring.Part][]byte{}
	for _, part := range parts {
		c[part] = fmt.Appendf(nil, "%s of %s\x00\xff", part, writer)
	}
	return c
}

// wantKeyring reads the three parts and compares.
func (f fixture) wantKeyring(t *testing.T, what string, version int64, want map[keyring.Part][]byte) {
	t.Helper()
	for _, part := range parts {
		got, err := f.ReadPart(t.Context(), part)
		wantErr(t, fmt.Sprintf("%s: read %s", what, part), err, nil)
		same(t, fmt.Sprintf("%s: %s", what, part), got, keyring.Item{Version: version, Data: want[part]})
	}
}

func keyringMissing(t *testing.T, f fixture) {
	for _, part := range parts {
		_, err := f.ReadPart(t.Context(), part)
		wantErr(t, string(part), err, keyring.ErrMissing)
	}
	for _, version := range []int64{1, 7, -1} {
		err := f.ReplaceParts(t.Context(), version, content("nobody"))
		wantErr(t, fmt.Sprintf("replace version %d of none", version), err, keyring.ErrConflict)
	}
	_, err := f.ReadPart(t.Context(), keyring.Public)
	wantErr(t, "read afterwards", err, keyring.ErrMissing)
}

func keyringRoundTrip(t *testing.T, f fixture) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for version, want := range []map[keyring.Part][]byte{
		content("the first"),
		{keyring.Signing: every, keyring.Refresh: {0}, keyring.Public: []byte(`{"keys":[]}`)},
		{keyring.Signing: bytes.Repeat(every, 64), keyring.Refresh: every, keyring.Public: bytes.Repeat(every, 16)},
	} {
		err := f.ReplaceParts(t.Context(), int64(version), want)
		wantErr(t, fmt.Sprintf("replace version %d", version), err, nil)
		f.wantKeyring(t, fmt.Sprintf("version %d", version+1), int64(version+1), want)
	}
}

func keyringConflict(t *testing.T, f fixture) {
	want := content("the second")
	wantErr(t, "replace version 0", f.ReplaceParts(t.Context(), 0, content("the first")), nil)
	wantErr(t, "replace version 1", f.ReplaceParts(t.Context(), 1, want), nil)
	for _, version := range []int64{0, 1, 3, -1} {
		err := f.ReplaceParts(t.Context(), version, content("a late one"))
		wantErr(t, fmt.Sprintf("replace version %d, when 2 is stored", version), err, keyring.ErrConflict)
		f.wantKeyring(t, "after the conflict", 2, want)
	}
}

func keyringReplyLost(t *testing.T, f fixture) {
	want := content("me")
	wantErr(t, "replace version 0", f.ReplaceParts(t.Context(), 0, want), nil)
	wantErr(t, "the same again", f.ReplaceParts(t.Context(), 0, want), keyring.ErrConflict)
	f.wantKeyring(t, "after the same again", 1, want)
}

func keyringParallel(t *testing.T, f fixture) {
	const callers = 20
	for version := range int64(2) {
		winner := -1
		for i, err := range parallel(callers, func(i int) error {
			return f.ReplaceParts(t.Context(), version, content(fmt.Sprint("caller ", i)))
		}) {
			switch {
			case err == nil && winner < 0:
				winner = i
			case err == nil:
				t.Errorf("callers %d and %d have both replaced version %d", winner, i, version)
			case !errors.Is(err, keyring.ErrConflict):
				t.Errorf("caller %d: error = %v, want ErrConflict", i, err)
			}
		}
		if winner < 0 {
			t.Fatalf("nobody of %d has replaced version %d", callers, version)
		}
		f.wantKeyring(t, "after the race", version+1, content(fmt.Sprint("caller ", winner)))
	}
}

// keyringNeverMixed reads while versions follow each other: what was read after a replacement was
// confirmed is of that version or a later one, and every part holds what its version was stored with.
func keyringNeverMixed(t *testing.T, f fixture) {
	const versions, readers = 20, 4
	confirmed := make(chan int64, versions)
	errs := parallel(1+readers, func(i int) error {
		if i == 0 {
			defer close(confirmed)
			for version := range int64(versions) {
				if err := f.ReplaceParts(t.Context(), version, content(fmt.Sprint("version ", version+1))); err != nil {
					return err
				}
				confirmed <- version + 1
			}
			return nil
		}
		for least := range confirmed {
			for _, part := range parts {
				item, err := f.ReadPart(t.Context(), part)
				if err != nil {
					return err
				}
				if want := content(fmt.Sprint("version ", item.Version))[part]; !bytes.Equal(item.Data, want) {
					return fmt.Errorf("%s of version %d: data = %q, want %q", part, item.Version, item.Data, want)
				}
				if item.Version < least {
					return fmt.Errorf("%s: version = %d after %d was confirmed", part, item.Version, least)
				}
			}
		}
		return nil
	})
	for i, err := range errs {
		wantErr(t, fmt.Sprint("caller ", i), err, nil)
	}
	f.wantKeyring(t, "in the end", versions, content(fmt.Sprint("version ", versions)))
}

func keyringCancelled(t *testing.T, f fixture) {
	wantErr(t, "replace version 0", f.ReplaceParts(cancelled(t), 0, content("nobody")), oauth.ErrUnavailable)
	_, err := f.ReadPart(t.Context(), keyring.Public)
	wantErr(t, "read afterwards", err, keyring.ErrMissing)
	wantErr(t, "replace version 0, not cancelled", f.ReplaceParts(t.Context(), 0, content("me")), nil)
	wantErr(t, "replace version 1", f.ReplaceParts(cancelled(t), 1, content("nobody")), oauth.ErrUnavailable)
	f.wantKeyring(t, "after a cancelled replacement", 1, content("me"))
}

func keyringCopies(t *testing.T, f fixture) {
	given := content("me")
	wantErr(t, "replace", f.ReplaceParts(t.Context(), 0, given), nil)
	for data := range maps.Values(given) {
		data[0] ^= 0xff
	}
	delete(given, keyring.Public)
	f.wantKeyring(t, "after changing what was passed in", 1, content("me"))
	for _, part := range parts {
		read, err := f.ReadPart(t.Context(), part)
		wantErr(t, "read", err, nil)
		read.Data[0] ^= 0xff
	}
	f.wantKeyring(t, "after changing what was handed out", 1, content("me"))
}

func keyringLinks(t *testing.T, f fixture) {
	_, err := f.ReadPart(t.Context(), keyring.Links)
	wantErr(t, "read before", err, keyring.ErrMissing)
	wantErr(t, "create the rest", f.ReplaceParts(t.Context(), 0, content("them")), nil)
	_, err = f.ReadPart(t.Context(), keyring.Links)
	wantErr(t, "read beside the rest", err, keyring.ErrMissing)
	created := -1
	for i, err := range parallel(5, func(i int) error { return f.ReplaceLinks(t.Context(), 0, []byte{0, byte(i), 0xff}, []byte{byte(i)}) }) {
		switch {
		case err == nil && created < 0:
			created = i
		case !errors.Is(err, keyring.ErrConflict):
			t.Errorf("caller %d: %v, want ErrConflict of all but one", i, err)
		}
	}
	wantErr(t, "replace the rest", f.ReplaceParts(t.Context(), 1, content("me")), nil)
	got, err := f.ReadPart(t.Context(), keyring.Links)
	wantErr(t, "read", err, nil)
	same(t, "the keys of links", got, keyring.Item{Version: 1, Data: []byte{0, byte(created), 0xff}, States: []byte{byte(created)}})
	for _, version := range []int64{0, 2} {
		wantErr(t, fmt.Sprint("replace them as version ", version), f.ReplaceLinks(t.Context(), version, []byte("x"), []byte("x")), keyring.ErrConflict)
	}
	replaced := -1
	for i, err := range parallel(5, func(i int) error { return f.ReplaceLinks(t.Context(), 1, []byte{byte(i)}, []byte{byte(i), 1}) }) {
		switch {
		case err == nil && replaced < 0:
			replaced = i
		case !errors.Is(err, keyring.ErrConflict):
			t.Errorf("caller %d replaces them: %v, want ErrConflict of all but one", i, err)
		}
	}
	got, err = f.ReadPart(t.Context(), keyring.Links)
	wantErr(t, "read again", err, nil)
	same(t, "the keys of links, replaced", got, keyring.Item{Version: 2, Data: []byte{byte(replaced)}, States: []byte{byte(replaced), 1}})
	f.wantKeyring(t, "the rest", 2, content("me"))
}
