package dynamo_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/consent"
)

// TestTimeToLiveTakesAClosedAccount looks at the attribute by which the table deletes: all that is kept of the person has it, and what a reopened
// account needs has it no more.
func TestTimeToLiveTakesAClosedAccount(t *testing.T) {
	w := newWorld(t, engine(t), newTable(t, engine(t)))
	ctx, ada := t.Context(), w.person
	tokens := w.login()
	if err := errors.Join(
		account.NewEditor(w.store, w.Now).SetEmail(ctx, ada.ID, account.Email{Address: "ada-" + uuid.NewString() + "@example.com"}),
		w.store.PutConsent(ctx, consent.Consent{}, consent.Consent{AccountID: ada.ID, ClientID: "third", Given: w.Now()}),
	); err != nil {
		t.Fatal(err)
	}
	a, err := w.store.Account(ctx, ada.ID)
	if err != nil {
		t.Fatal(err)
	}
	until := func(pk, sk string) int64 {
		t.Helper()
		item := w.item(pk, sk)
		if len(item) == 0 {
			t.Fatalf("%s has no item", pk)
		}
		if _, ok := item["expires_at"]; !ok {
			return 0
		}
		var n int64
		if _, err := fmt.Sscan(item["expires_at"].(*types.AttributeValueMemberN).Value, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	sum := sha256.Sum256([]byte(a.Email.Address))
	keeps := [][2]string{{"ACCOUNT#" + ada.ID.String(), "ACCOUNT"}, {"LOGIN#" + a.Username, "LOGIN"}, {"EMAIL#" + hex.EncodeToString(sum[:]), "EMAIL"}}
	leaves := [][2]string{{"CONSENT#" + ada.ID.String(), "third"}, {"SESSIONS#" + ada.ID.String(), tokens.claims(t).SessionID}}

	remove := w.Now().Add(time.Hour).Truncate(time.Second)
	editor := account.NewEditor(w.store, w.Now)
	if err := w.store.Forget(ctx, ada.ID, remove); err != nil {
		t.Fatal(err)
	}
	if at, err := editor.Close(ctx, a, remove); err != nil || !at.Equal(remove) {
		t.Fatalf("close: %s, %v", at, err)
	}
	for _, key := range keeps {
		if got, want := until(key[0], key[1]), remove.Add(time.Hour).Unix(); got != want {
			t.Errorf("%s goes at %d, want %d", key[0], got, want)
		}
	}
	for _, key := range leaves {
		if got := until(key[0], key[1]); got != remove.Unix() {
			t.Errorf("%s goes at %d, want %d", key[0], got, remove.Unix())
		}
	}
	if a, err = w.store.Account(ctx, ada.ID); err != nil {
		t.Fatal(err)
	}
	if err := editor.Reopen(ctx, a); err != nil {
		t.Fatal(err)
	}
	for _, key := range keeps {
		if got := until(key[0], key[1]); got != 0 {
			t.Errorf("%s of a reopened account goes at %d", key[0], got)
		}
	}
	w.must(w.loginRequest(), 200)
}
