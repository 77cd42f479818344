package settingspage_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/config"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/seal"
)

// setting is a variable as pkg/config reads it.
type setting struct{ variable, fallback, limits, comment string }

// wrong has a value for each variable that has limits, which is refused for them.
var wrong = map[string]string{
	"TABLE_NAME": "", "ISSUER": "auth.example.com", "AUDIENCE": "a b", "SIGNING_ALG": "HS256", "SEALING_KEY": "secret", "KEY_PERIOD": "1m",
	"KEY_CACHE_AGE": "48h", "REVOCATION_STALENESS": "48h", "REVOCATION_SHARDS": "65", "REFRESH_GRACE": "48h", "ROTATION_MIN_AGE": "48h",
	"ATTEMPT_LIMITS": "0/1s,1/1m", "COOKIE_DOMAIN": ".example.com", "DYNAMODB_ENDPOINT": "http://localhost:8000", "MAIL_FROM": "Shop <no-reply@example.com>", "SES_ENDPOINT": "http://localhost:8001",
	"METRICS_NAMESPACE": "AWS/Lambda",
}

// settings are all variables, in the order of the code.
func settings(t *testing.T) (all []setting) {
	t.Helper()
	comments := comments(t)
	for _, field := range reflect.VisibleFields(reflect.TypeFor[config.Config]()) {
		name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		s := setting{variable: name, fallback: field.Tag.Get("envDefault"), comment: comments[field.Name]}
		if value, isLimited := wrong[name]; isLimited {
			s.limits = limits(t, name, value)
		}
		all = append(all, s)
	}
	for _, s := range all {
		if s.variable == "" || s.comment == "" && s.limits == "" {
			t.Fatalf("%+v: want a comment in pkg/config or a wrong value in this test", s)
		}
	}
	return all
}

// limits is what a function says of a wrong value, from "want" on.
func limits(t *testing.T, name, value string) string {
	t.Helper()
	environment := map[string]string{"TABLE_NAME": "t", "AWS_LAMBDA_FUNCTION_NAME": "login"}
	maps.Copy(environment, map[string]string{name: value})
	c, err := config.Load(environment)
	if err == nil {
		_, err = endpoint.New(c, slog.New(slog.DiscardHandler), nil, time.Now)
	}
	if err == nil && name == "SEALING_KEY" {
		_, err = seal.FromSetting(c.SealingKey, seal.KMSConfig{})
	}
	if err == nil {
		t.Fatalf("%s=%s is accepted: write another value into this test", name, value)
	}
	text := strings.TrimPrefix(err.Error(), name+": ")
	if i := strings.LastIndex(text, "want "); i >= 0 {
		text = text[i+len("want "):]
	}
	return strings.NewReplacer("h0m0s", "h", "m0s", "m").Replace(text)
}

// comments are those of the fields of config.Config, at the end of their lines.
func comments(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../pkg/config/config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, isType := n.(*ast.TypeSpec)
		if !isType || spec.Name.Name != "Config" {
			return true
		}
		for _, field := range spec.Type.(*ast.StructType).Fields.List {
			found[field.Names[0].Name] = words(field.Comment.Text())
		}
		return false
	})
	return found
}
