package hooks_test

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/store/bolt"
	"github.com/wavepass/wavepass/pkg/store/storetest"
)

// A method that passed the hooks by would never fail in any test.
func TestEveryMethodPassesTheHooks(t *testing.T) {
	var called []string
	failed := errors.New("fails in this test")
	store := &hooks.Store{Hooks: hooks.Hooks{Before: func(_ context.Context, method string) error {
		called = append(called, method)
		return failed
	}}}
	contract := reflect.TypeFor[storetest.Store]()
	for i := range contract.NumMethod() {
		name := contract.Method(i).Name
		called = nil
		err := callWithNothing(t.Context(), reflect.ValueOf(store).MethodByName(name))
		if want := []string{strings.TrimSuffix(name, "Once")}; !slices.Equal(called, want) || !errors.Is(err, failed) {
			t.Errorf("%s called the hook with %q and returned %v", name, called, err)
		}
	}
}

// callWithNothing calls a method with zero arguments and returns its error, that of the first element for a sequence.
func callWithNothing(ctx context.Context, method reflect.Value) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("went on to the store without any hook")
		}
	}()
	arguments := []reflect.Value{reflect.ValueOf(ctx)}
	for i := 1; i < method.Type().NumIn(); i++ {
		arguments = append(arguments, reflect.Zero(method.Type().In(i)))
	}
	results := method.Call(arguments)
	last := results[len(results)-1]
	if last.Kind() == reflect.Func {
		for _, failure := range last.Seq2() {
			last = failure
		}
	}
	err, _ = last.Interface().(error)
	return err
}

// A lost reply tells nothing; an error of the store itself may bring something along.
func TestStoreLosesResultsWithReplies(t *testing.T) {
	lost := errors.New("lost in this test")
	file, err := bolt.Open(filepath.Join(t.TempDir(), "store"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	store := &hooks.Store{Store: file}
	a := account.Account{ID: uuid.New(), Username: "ada"}
	if err := store.CreateAccount(t.Context(), a, "hash"); err != nil {
		t.Fatal(err)
	}
	store.Around = func(_ context.Context, _ string, carryOut func() error) error {
		if err := carryOut(); err != nil {
			t.Errorf("carried out: %v", err)
		}
		return lost
	}
	if got, err := store.Account(t.Context(), a.ID); got.Username != "" || !errors.Is(err, lost) {
		t.Errorf("account %q and error %v, want none and a lost reply", got.Username, err)
	}
	if _, login, err := store.AccountAndLogin(t.Context(), a.ID, "ada"); login.Hash != "" || !errors.Is(err, lost) {
		t.Errorf("login %v and error %v, want none and a lost reply", login, err)
	}
	if got := store.Count("Account"); got != 1 {
		t.Errorf("%d calls of Account counted, want 1", got)
	}
}
