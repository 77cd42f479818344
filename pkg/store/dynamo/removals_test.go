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
	until := w.goesAt
	keeps := [][2]string{{"ACCOUNT#" + ada.ID.String(), "ACCOUNT"}, {"LOGIN#" + a.Username, "LOGIN"}, emailKey(a.Email.Address)}
	leaves := [][2]string{{"CONSENT#" + ada.ID.String(), "third"}, {"SESSIONS#" + ada.ID.String(), tokens.claims(t).SessionID}}

	remove := w.Now().Add(time.Hour).Truncate(time.Second)
	editor := account.NewEditor(w.store, w.Now)
	if err := w.store.Forget(ctx, ada.ID, remove); err != nil {
		t.Fatal(err)
	}
	if err := w.store.PutConsent(ctx, consent.Consent{}, consent.Consent{AccountID: ada.ID, ClientID: "fourth", Given: w.Now()}); err != nil {
		t.Fatal(err) // in another tab, meanwhile
	}
	if at, err := editor.Close(ctx, a, remove); err != nil || !at.Equal(remove) {
		t.Fatalf("close: %s, %v", at, err)
	}
	if err := w.store.ForgetConsents(ctx, ada.ID, remove); err != nil {
		t.Fatal(err)
	}
	leaves = append(leaves, [2]string{"CONSENT#" + ada.ID.String(), "fourth"})
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
	if err := editor.Reopen(ctx, a, ""); err != nil {
		t.Fatal(err)
	}
	for _, key := range keeps {
		if got := until(key[0], key[1]); got != 0 {
			t.Errorf("%s of a reopened account goes at %d", key[0], got)
		}
	}
	w.must(w.loginRequest(), 200)
}

// TestTimeToLiveTakesWhatAClosedAccountGetsSince: an operator corrects the address of an account that is closed, and with it the login name.
func TestTimeToLiveTakesWhatAClosedAccountGetsSince(t *testing.T) {
	w := newWorld(t, engine(t), newTable(t, engine(t)))
	ctx, editor := t.Context(), account.NewEditor(w.store, w.Now)
	address, next := "bea-"+uuid.NewString()+"@example.com", "bea-"+uuid.NewString()+"@example.org"
	a := account.Account{ID: uuid.New(), Username: address, Email: account.Email{Address: address}, Epoch: 1}
	if err := w.store.CreateAccount(ctx, a, "hash"); err != nil {
		t.Fatal(err)
	}
	remove := w.Now().Add(account.Reopens).Truncate(time.Second)
	if _, err := editor.Close(ctx, a, remove); err != nil {
		t.Fatal(err)
	}
	if err := editor.SetEmail(ctx, a.ID, account.Email{Address: next}); err != nil {
		t.Fatal(err)
	}
	for _, key := range [][2]string{{"ACCOUNT#" + a.ID.String(), "ACCOUNT"}, {"LOGIN#" + next, "LOGIN"}, emailKey(next)} {
		if got, want := w.goesAt(key[0], key[1]), remove.Add(time.Hour).Unix(); got != want {
			t.Errorf("%s goes at %d, want %d", key[0], got, want)
		}
	}
}

func emailKey(address string) [2]string {
	sum := sha256.Sum256([]byte(address))
	return [2]string{"EMAIL#" + hex.EncodeToString(sum[:]), "EMAIL"}
}

// goesAt is when the table deletes an item, in unix seconds; zero: never.
func (w *world) goesAt(pk, sk string) int64 {
	w.t.Helper()
	item := w.item(pk, sk)
	if len(item) == 0 {
		w.t.Fatalf("%s has no item", pk)
	}
	if _, ok := item["expires_at"]; !ok {
		return 0
	}
	var n int64
	if _, err := fmt.Sscan(item["expires_at"].(*types.AttributeValueMemberN).Value, &n); err != nil {
		w.t.Fatal(err)
	}
	return n
}
