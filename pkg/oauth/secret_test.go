package oauth_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/oauth"
)

const canary = "canary-7f3a"

type holder struct {
	Name   string
	secret oauth.Secret
	Public oauth.Secret
	nested struct{ deeper *oauth.Secret }
}

func TestSecretNeverPrints(t *testing.T) {
	s := oauth.NewSecret(canary)
	h := holder{Name: "h", secret: s, Public: s}
	h.nested.deeper = &s

	outputs := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%t", "%p", "%T", "%08.3f", "% x"} {
		outputs["secret "+verb] = fmt.Sprintf(verb, s)
		outputs["pointer "+verb] = fmt.Sprintf(verb, &s)
		outputs["struct "+verb] = fmt.Sprintf(verb, h)
		outputs["struct pointer "+verb] = fmt.Sprintf(verb, &h)
		outputs["slice "+verb] = fmt.Sprintf(verb, []any{s, h, map[string]oauth.Secret{"k": s}})
	}
	encode := func(name string, f func(any) ([]byte, error)) {
		for _, v := range []any{s, &s, h, &h, map[string]any{"k": s}} {
			out, err := f(v)
			outputs[fmt.Sprintf("%s of %T", name, v)] = fmt.Sprint(string(out), err)
		}
	}
	encode("json", json.Marshal)
	encode("json/v2", func(v any) ([]byte, error) { return jsonv2.Marshal(v) })
	encode("xml", xml.Marshal)

	var logged bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&logged, nil), slog.NewJSONHandler(&logged, nil)} {
		slog.New(handler).Info("x", "secret", s, "pointer", &s, "struct", h, "any", []any{s})
	}
	outputs["slog"] = logged.String()
	outputs["error"] = fmt.Errorf("wrapped: %v", h).Error()

	for how, out := range outputs {
		if strings.Contains(strings.ToLower(out), canary) || strings.Contains(strings.ToLower(out), fmt.Sprintf("%x", canary)) {
			t.Errorf("%s leaks the secret: %s", how, out)
		}
	}
	if got := s.Reveal(); got != canary {
		t.Errorf("Reveal() = %q, want %q", got, canary)
	}
}

func TestSecretDecodesFromJSONAndKnowsWhenItIsEmpty(t *testing.T) {
	var got struct {
		Password oauth.Secret `json:"password"`
		Absent   oauth.Secret `json:"absent"`
		Empty    oauth.Secret `json:"empty"`
	}
	if err := jsonv2.Unmarshal([]byte(`{"password":"p","empty":""}`), &got); err != nil {
		t.Fatal(err)
	}
	if got.Password.Reveal() != "p" || got.Password.IsZero() {
		t.Errorf("password = %q, want p", got.Password.Reveal())
	}
	if !got.Absent.IsZero() || !got.Empty.IsZero() || got.Absent.Reveal() != "" {
		t.Error("an absent or empty secret is not zero")
	}
	if err := jsonv2.Unmarshal([]byte(`{"password":12}`), &got); err == nil {
		t.Error("a number was accepted as a secret")
	}
}
