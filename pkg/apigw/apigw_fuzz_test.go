package apigw_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// decoded is one member of each kind that the endpoints have.
type decoded struct {
	Name   string       `json:"name"`
	Secret oauth.Secret `json:"secret"`
	Flag   bool         `json:"flag"`
}

// decodeAs sends body through a function and returns what its handler read, and whether it was accepted.
func decodeAs(t *testing.T, mediaType, body string) (decoded, bool) {
	t.Helper()
	var got decoded
	e := events.APIGatewayV2HTTPRequest{Body: body, Headers: map[string]string{"content-type": mediaType}}
	r, _ := call(t, e, func(_ context.Context, r *apigw.Request) (apigw.Response, error) {
		return apigw.Response{Status: 200}, r.Decode(&got, apigw.JSON, apigw.Form)
	})
	if r.StatusCode != 200 && r.StatusCode != 400 {
		t.Fatalf("%s %q: %d, want 200 or 400", mediaType, body, r.StatusCode)
	}
	return got, r.StatusCode == 200
}

// strictObject reads one JSON object with the standard library, and checks what that lets pass: names that
// are there twice, at any depth, invalid UTF-8, and what follows the object.
func strictObject(text string) (map[string]any, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("not UTF-8")
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	value, err := strictValue(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows")
	}
	object, ok := value.(map[string]any)
	if !ok && value != nil { // null stands for an object without members
		return nil, errors.New("not an object")
	}
	return object, nil
}

func strictValue(dec *json.Decoder) (any, error) {
	start, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch start {
	case json.Delim('['):
		for dec.More() {
			if _, err := strictValue(dec); err != nil {
				return nil, err
			}
		}
		_, err = dec.Token()
		return []any{}, err
	case json.Delim('{'):
		object := map[string]any{}
		for dec.More() {
			name, err := dec.Token()
			if err != nil {
				return nil, err
			}
			if _, twice := object[name.(string)]; twice {
				return nil, errors.New("a name twice")
			}
			if object[name.(string)], err = strictValue(dec); err != nil {
				return nil, err
			}
		}
		_, err = dec.Token()
		return object, err
	}
	return start, nil
}

// has reports whether a member is of the wanted type, absent and null being any type.
func has[T any](object map[string]any, name string) (T, bool) {
	value, ok := object[name].(T)
	return value, ok || object[name] == nil
}

// FuzzJSONBody compares what is accepted, and what it is taken for, with an independent strict reading.
func FuzzJSONBody(f *testing.F) {
	f.Add(`{"name":"n","secret":"s","flag":true,"other":[{}]}`)
	loneSurrogate := regexp.MustCompile(`(?i)\\ud[89a-f]`)
	f.Fuzz(func(t *testing.T, body string) {
		got, accepted := decodeAs(t, apigw.JSON, body)
		object, err := strictObject(body)
		name, nameOK := has[string](object, "name")
		secret, secretOK := has[string](object, "secret")
		flag, flagOK := has[bool](object, "flag")
		want := err == nil && nameOK && secretOK && flagOK && len(body) <= 16<<10
		switch {
		case want != accepted && !loneSurrogate.MatchString(body): // the standard library replaces those
			t.Errorf("%q: accepted %v, want %v (%v)", body, accepted, want, err)
		case accepted && (got.Name != name || got.Secret.Reveal() != secret || got.Flag != flag):
			t.Errorf("%q was read as %q %q %v, want %q %q %v", body, got.Name, got.Secret.Reveal(), got.Flag, name, secret, flag)
		}
	})
}

// strictForm reads a form by the letter: pairs between &, each name once, every % followed by two digits.
func strictForm(text string) (map[string]string, bool) {
	out := map[string]string{}
	escape := regexp.MustCompile(`%(..)?`)
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		valid := !strings.Contains(pair, ";")
		plain := func(s string) string {
			s = strings.ReplaceAll(s, "+", " ")
			var b bytes.Buffer
			for s != "" {
				if s[0] != '%' {
					b.WriteByte(s[0])
					s = s[1:]
					continue
				}
				if len(s) < 3 || !strings.ContainsRune("0123456789abcdefABCDEF", rune(s[1])) || !strings.ContainsRune("0123456789abcdefABCDEF", rune(s[2])) {
					valid = false
					return ""
				}
				unescaped, err := url.PathUnescape(escape.FindString(s))
				valid = valid && err == nil
				b.WriteString(unescaped)
				s = s[3:]
			}
			return b.String()
		}
		name, value = plain(name), plain(value)
		if _, twice := out[name]; twice || !valid || value != "" && (!utf8.ValidString(name) || !utf8.ValidString(value)) {
			return nil, false
		}
		out[name] = value
	}
	return out, true
}

// FuzzFormBody is the same for forms.
func FuzzFormBody(f *testing.F) {
	f.Add("name=n&secret=%73+s&other=")
	f.Fuzz(func(t *testing.T, body string) {
		got, accepted := decodeAs(t, apigw.Form, body)
		values, ok := strictForm(body)
		want := ok && values["flag"] == "" && len(body) <= 16<<10 // a form has no booleans
		switch {
		case want != accepted:
			t.Errorf("%q: accepted %v, want %v", body, accepted, want)
		case accepted && (got.Name != values["name"] || got.Secret.Reveal() != values["secret"]):
			t.Errorf("%q was read as %q %q, want %q %q", body, got.Name, got.Secret.Reveal(), values["name"], values["secret"])
		}
	})
}

// FuzzBearer looks for a token that is found where RFC 6750 §2.1 has none, or that is another text.
func FuzzBearer(f *testing.F) {
	f.Add("Bearer abc")
	format := regexp.MustCompile(`(?s)^(?:[bB][eE][aA][rR][eE][rR]) +([^ ].*)?$`)
	f.Fuzz(func(t *testing.T, header string) {
		token, ok := apigw.Bearer(header)
		m := format.FindStringSubmatch(header)
		if ok != (m != nil) || ok && token.Reveal() != m[1] {
			t.Errorf("%q: got %q %v, want %q", header, token.Reveal(), ok, m)
		}
	})
}

// FuzzClientCredentials looks for credentials that are taken from a header that is not exactly one Basic
// value, or that are not what it says, and for two different clients that pass for one.
func FuzzClientCredentials(f *testing.F) {
	f.Add("Basic YXBwOnM=", "app", "")
	f.Fuzz(func(t *testing.T, header, bodyID, bodySecret string) {
		var id, secret string
		e := events.APIGatewayV2HTTPRequest{Headers: map[string]string{"authorization": header}}
		answered, _ := call(t, e, func(_ context.Context, r *apigw.Request) (apigw.Response, error) {
			got, s, err := r.ClientCredentials(bodyID, oauth.NewSecret(bodySecret))
			id, secret = got, s.Reveal()
			return apigw.Response{Status: 200}, err
		})
		if answered.StatusCode == 400 {
			return
		}
		switch scheme, credentials, _ := strings.Cut(header, " "); {
		case answered.StatusCode != 200 || id == "" || strings.Contains(header, ","):
			t.Errorf("%q: %d, client %q", header, answered.StatusCode, id)
		case !strings.EqualFold(scheme, "Basic"):
			if id != bodyID || secret != bodySecret {
				t.Errorf("%q %q %q: got %q %q, want what the body says", header, bodyID, bodySecret, id, secret)
			}
		case bodyID != "" && bodyID != id || bodySecret != "":
			t.Errorf("%q beside %q %q in the body was taken for %q", header, bodyID, bodySecret, id)
		default:
			raw, err := base64.StdEncoding.DecodeString(strings.TrimLeft(credentials, " "))
			encodedID, encodedSecret, colon := strings.Cut(string(raw), ":")
			wantID, _ := url.QueryUnescape(encodedID)
			wantSecret, _ := url.QueryUnescape(encodedSecret)
			if err != nil || !colon || id != wantID || secret != wantSecret {
				t.Errorf("%q was read as %q %q, want %q %q (%v)", header, id, secret, wantID, wantSecret, err)
			}
		}
	})
}

// FuzzPlaceOf looks for a name that becomes an issuer although it is not what AWS calls the API of the event.
func FuzzPlaceOf(f *testing.F) {
	f.Add("abc123", "abc123.execute-api.eu-central-1.amazonaws.com")
	f.Fuzz(func(t *testing.T, apiID, domain string) {
		at, err := apigw.PlaceOf(apigw.Config{Region: "eu-central-1"}, apiID, domain)
		own := apiID != "" && (domain == apiID+".execute-api.eu-central-1.amazonaws.com" || domain == apiID+".execute-api.eu-central-1.amazonaws.com.cn" || domain == apiID+".execute-api.eu-central-1.amazonaws.eu")
		if (err == nil) != own || own && (at.Issuer != "https://"+domain || at.Audience != at.Issuer) {
			t.Errorf("API %q at %q became %+v, %v", apiID, domain, at, err)
		}
	})
}

// FuzzNetwork looks for an address that a caller could write in two ways to be counted twice.
func FuzzNetwork(f *testing.F) {
	f.Add("203.0.113.9")
	f.Fuzz(func(t *testing.T, address string) {
		network := apigw.Network(address)
		if again := apigw.Network(strings.Split(network, "/")[0]); again != network {
			t.Errorf("%q is in %q, whose first address is in %q", address, network, again)
		}
	})
}
