package claims_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/wavepass/wavepass/pkg/claims"
)

func TestEqualClaimsAreEqualTexts(t *testing.T) {
	for text, want := range map[string]claims.Set{
		"": "", " ": "", "{}": "", " { } ": "",
		`{"plan":"pro"}`: `{"plan":"pro"}`,
		" {\"seats\" : 5.0,\n\"plan\":\"p\\u0072o\", \"beta\":true}": `{"beta":true,"plan":"pro","seats":5}`,
		`{"n":-9007199254740991,"m":1e2,"z":-0}`:                     `{"m":100,"n":-9007199254740991,"z":0}`,
		`{"a_1":"<ä&\u0001>"}`:                                       `{"a_1":"<ä&\u0001>"}`,
	} {
		if got, err := claims.Parse(text); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
		if again, err := claims.Parse(string(want)); err != nil || again != want {
			t.Errorf("the canonical %s: %q, %v", want, again, err)
		}
	}
}

func TestClaimsHaveLimits(t *testing.T) {
	many := func(n int) string {
		var members []string
		for i := range n {
			members = append(members, fmt.Sprintf(`"c%d":%d`, i, i))
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	long := func(n int) string { return `{"a":"` + strings.Repeat("x", n-len(`{"a":""}`)) + `"}` }
	for _, text := range []string{many(16), long(512)} {
		if _, err := claims.Parse(text); err != nil {
			t.Errorf("within the limits: %v", err)
		}
	}
	for text, reason := range map[string]string{
		many(17): "17 of them", long(513): "513 bytes",
		`{"Plan":"x"}`: "a to z", `{"":1}`: "a to z", `{"1a":1}`: "a to z", `{"_a":1}`: "a to z", `{"ä":1}`: "a to z", `{"a-b":1}`: "a to z", `{"a.b":1}`: "a to z",
		`{"a":null}`: "a: want a string", `{"a":[1]}`: "a: want a string", `{"a":{"b":1}}`: "a: want a string",
		`{"a":9007199254740992}`: "make it a string", `{"a":-9007199254740992}`: "make it a string", `{"a":1e400}`: "make it a string",
		`{"a":1,"a":2}`: "once", `{"a":1,"\u0061":2}`: "once", `{"a":1`: "JSON object", `{"a":1}{}`: "one JSON object", `{"a":1} x`: "one JSON object",
		`[1]`: "JSON object", `"a"`: "JSON object", `null`: "JSON object", "{\"a\":\"\xff\"}": "JSON object", `{"a":"\ud800"}`: "JSON object",
	} {
		if got, err := claims.Parse(text); !errors.Is(err, claims.ErrInvalid) || !strings.Contains(err.Error(), reason) || got != "" {
			t.Errorf("%.40s: %q, %v; want ErrInvalid with %q", text, got, err, reason)
		}
	}
}

func TestClaimsAreReadByName(t *testing.T) {
	set, err := claims.Parse(`{"plan":"pro","seats":5,"beta":false}`)
	if want := map[string]any{"plan": "pro", "seats": 5.0, "beta": false}; err != nil || !reflect.DeepEqual(set.Map(), want) {
		t.Errorf("%v, %v; want %v", set.Map(), err, want)
	}
	if m := claims.Set("").Map(); m != nil {
		t.Errorf("no claims: %v, want nil", m)
	}
}

func TestClaimsOfATokenAreFlat(t *testing.T) {
	read := func(text string) (claims.Set, error) {
		return claims.Read(jsontext.NewDecoder(strings.NewReader(text)))
	}
	for _, text := range []string{`{}`, `{"a":"x","b":1,"c":true}`, `{"Of a later version":"` + strings.Repeat("x", 600) + `"}`} {
		if got, err := read(text); err != nil || string(got) != text {
			t.Errorf("%.40s: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{`null`, `"a"`, `1`, `true`, `[]`, `["a"]`, `{"a":null}`, `{"a":[]}`, `{"a":{}}`, `{"a":1,"a":2}`, `{`, ``} {
		if got, err := read(text); err == nil {
			t.Errorf("%s: %q, want an error", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		set, err := claims.Parse(text)
		if err != nil || set == "" {
			return
		}
		if again, err := claims.Parse(string(set)); err != nil || again != set || len(set) > claims.MaxSize || len(set.Map()) > claims.MaxCount {
			t.Errorf("%q became %q, which becomes %q, %v", text, set, again, err)
		}
	})
}
