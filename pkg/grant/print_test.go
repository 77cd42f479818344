package grant_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// A request that somebody logs, to find a fault, tells what it is about and no secret.
func TestRequestsAndResultsPrintNoSecret(t *testing.T) {
	const canary = "canary-of-a-request"
	w := newWorld(t)
	c, secret := w.clients["native"], oauth.NewSecret(canary)
	for _, value := range []any{
		grant.LoginRequest{At: here, Client: c, Username: "ada", Password: secret},
		grant.RefreshRequest{At: here, Client: c, RefreshToken: secret},
		grant.RevokeRequest{At: here, Client: c, Token: secret},
		grant.LogoutRequest{Client: c, RefreshToken: secret, Everywhere: true},
		grant.Issued{Client: c, Tokens: oauth.TokenResponse{AccessToken: secret, RefreshToken: secret}},
	} {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(handler).Info("request", "value", value)
		}
		for _, encode := range []func(any) ([]byte, error){json.Marshal, func(v any) ([]byte, error) { return jsonv2.Marshal(v) }} {
			text, _ := encode(value) // some hold what has no JSON form
			out.Write(text)
		}
		for _, form := range []string{canary, fmt.Sprintf("%x", canary), strings.Trim(fmt.Sprint([]byte(canary)), "[]")} {
			if strings.Contains(out.String(), form) {
				t.Errorf("%T prints its secret: %s", value, out.String())
			}
		}
		if !strings.Contains(out.String(), "native") {
			t.Errorf("%T prints nothing of itself: %s", value, out.String())
		}
	}
}
