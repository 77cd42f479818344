package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

const (
	adaEmail    = "ada@example.com"
	adaPassword = "surf-the-first-wave"
)

func openTestUsers(t *testing.T) *users {
	t.Helper()
	u, err := openUsers(t.Context(), filepath.Join(t.TempDir(), "users 100%?#.db"), bcrypt.MinCost) // a name that has to be escaped
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.db.Close() })
	if err := u.add(t.Context(), adaEmail, adaPassword, ""); err != nil {
		t.Fatal(err)
	}
	return u
}

func TestOnlyTheRightPasswordOfAUserLetsIn(t *testing.T) {
	u := openTestUsers(t)
	long := strings.Repeat("a", maxPassword)
	if err := u.add(t.Context(), "long@example.com", long, ""); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, email, password string
		want                  error
	}{
		{"right", adaEmail, adaPassword, nil},
		{"address in capitals", "ADA@Example.com", adaPassword, nil},
		{"wrong", adaEmail, "surf-the-last-wave", errNotLetIn},
		{"empty", adaEmail, "", errNotLetIn},
		{"nobody", "eve@example.com", "nobody has this password", errNotLetIn},
		{"longest", "long@example.com", long, nil},
		{"the longest and more, of which bcrypt sees the beginning", "long@example.com", long + "b", errNotLetIn},
		{"SQL", adaEmail + "' OR 1=1 --", adaPassword, errNotLetIn},
	} {
		if _, err := u.letIn(t.Context(), test.email, test.password); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	if err := u.add(t.Context(), "longer@example.com", long+"b", ""); !errors.Is(err, errLongPassword) {
		t.Errorf("a password of %d bytes: %v, want %v", len(long)+1, err, errLongPassword)
	}
}

func TestUserWhoWasChangedWhileASessionBeganIsNotIn(t *testing.T) {
	for name, change := range map[string]func(*users, user) error{
		"disabled":     func(u *users, ada user) error { return u.disable(t.Context(), ada.ID) },
		"new password": func(u *users, ada user) error { return u.setPassword(t.Context(), ada, "surf-the-next-wave") },
		"deleted":      func(u *users, _ user) error { _, err := u.db.Exec("DELETE FROM users"); return err },
	} {
		u := openTestUsers(t)
		ada, err := u.letIn(t.Context(), adaEmail, adaPassword)
		if err != nil {
			t.Fatal(err)
		}
		if still, err := u.stillIn(t.Context(), ada); !still || err != nil {
			t.Errorf("before: %t, %v, want true", still, err)
		}
		if err := change(u, ada); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if still, err := u.stillIn(t.Context(), ada); still || err != nil {
			t.Errorf("%s: %t, %v, want false", name, still, err)
		}
		if err := u.setPassword(t.Context(), ada, "surf-the-late-wave"); name != "deleted" && !errors.Is(err, errNotLetIn) {
			t.Errorf("%s, then a new password by an old proof: %v, want %v", name, err, errNotLetIn)
		}
	}
}

// TestRequestsThatAreRefusedBeforeWavepassIsAsked has nobody at the address of Wavepass.
func TestRequestsThatAreRefusedBeforeWavepassIsAsked(t *testing.T) {
	nobody := httptest.NewServer(nil)
	nobody.Close()
	wavepass := newWavepass(nobody.URL, "shop", "secret")
	wavepass.pause = 0
	shop := newShop(openTestUsers(t), wavepass)
	form := url.Values{"email": {adaEmail}, "password": {adaPassword}}.Encode()
	const formType, jsonType = "application/x-www-form-urlencoded", "application/json"
	for _, test := range []struct {
		name, path, contentType, body, site string
		want                                int
	}{
		{"form of another site", "/sign-in", formType, form, "cross-site", http.StatusForbidden},
		{"form of a sibling", "/sign-in", formType, form, "same-site", http.StatusForbidden},
		{"wrong password", "/sign-in", formType, "email=" + adaEmail + "&password=x", "same-origin", http.StatusUnauthorized},
		{"form that is too long", "/sign-in", formType, form + "&x=" + strings.Repeat("x", maxBody), "same-origin", http.StatusUnauthorized},
		{"right, but Wavepass is away", "/sign-in", formType, form, "same-origin", http.StatusServiceUnavailable},
		{"JSON in a form's media type", "/api/sign-in", "text/plain", "{}", "", http.StatusUnsupportedMediaType},
		{"no JSON", "/api/sign-in", jsonType, "{", "", http.StatusBadRequest},
		{"too much JSON", "/api/sign-in", jsonType, `{"email":"` + strings.Repeat("x", maxBody) + `"}`, "", http.StatusBadRequest},
		{"nobody", "/api/sign-in", jsonType, `{"email":"eve@example.com","password":"x"}`, "", http.StatusUnauthorized},
		{"no token", "/api/password", jsonType, `{}`, "", http.StatusUnauthorized},
	} {
		r := httptest.NewRequest(http.MethodPost, test.path, strings.NewReader(test.body))
		r.Header.Set("Content-Type", test.contentType)
		if test.site != "" {
			r.Header.Set("Sec-Fetch-Site", test.site)
		}
		w := httptest.NewRecorder()
		shop.ServeHTTP(w, r)
		if w.Code != test.want || len(w.Result().Cookies()) > 0 {
			t.Errorf("%s: %d, cookies %v, want %d and none: %s", test.name, w.Code, w.Result().Cookies(), test.want, w.Body)
		}
	}
}
