package token_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/token"
)

const (
	notObject = "payload: not a JSON object"
	malformed = "payload: malformed"
	twice     = "payload: a name twice"
	folded    = "payload: a name that differs from a claim's in case only"
	someOnly  = "payload: some of sid, epoch, auth_time and amr, but not all"
)

func wrong(name string) string { return "payload: " + name + ": wrong type or value" }

func TestEveryRequiredClaimMustBeThere(t *testing.T) {
	f := es256()
	for name, reason := range map[string]string{
		"iss": "iss: another issuer", "sub": "sub: missing", "aud": "aud: missing",
		"exp": "exp: missing", "iat": "iat: missing", "jti": "jti: missing", "client_id": "client_id: missing",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.verify(f.forge(goodPayload().without(name).String()))
			refused(t, err, reason)
		})
	}
	for _, name := range []string{"scope", "roles", "external_id"} { // older versions wrote no external_id
		if _, err := f.verify(f.forge(goodPayload().without(name).String())); err != nil {
			t.Errorf("without %s, which is optional: %v", name, err)
		}
	}
}

func TestAccountClaimsAreAllThereOrAllAbsent(t *testing.T) {
	f := es256()
	names := []string{"sid", "epoch", "auth_time", "amr"}
	for absent := 1; absent < 15; absent++ { // every choice but none and all
		var missing []string
		for i, name := range names {
			if absent&(1<<i) != 0 {
				missing = append(missing, name)
			}
		}
		t.Run("without "+strings.Join(missing, " "), func(t *testing.T) {
			_, err := f.verify(f.forge(goodPayload().without(missing...).String()))
			refused(t, err, someOnly)
		})
	}
}

func TestEveryClaimHasItsType(t *testing.T) {
	f := es256()
	notString := []string{"null", "1", "true", "[]", "{}", `["x"]`, `{"a":1}`}
	notStrings := []string{"null", "1", `"x"`, "true", "{}", "[1]", "[null]", `["x",null]`, `[["x"]]`, `[{"x":1}]`, `["x",1]`}
	notTime := []string{"null", `"1782900900"`, "true", "[]", "{}", "[1782900900]", "1782900900.0", "1782900900.5",
		"1.7829009e9", "1782900900e0", "-1782900900", "0", "-0", "-1", "253402300800", "9223372036854775807",
		"9223372036854775808", "18446744073709551617", "1e400"}
	notUUID := append(slices.Clone(notString), `""`, `"x"`, `"`+strings.ToUpper(sessionID)+`"`, `"{`+sessionID+`}"`,
		`"urn:uuid:`+sessionID+`"`, `"`+strings.ReplaceAll(sessionID, "-", "")+`"`, `" `+sessionID+`"`)
	for name, values := range map[string][]string{
		"iss": notString, "sub": notString, "jti": notString, "client_id": notString, "scope": notString, "external_id": notString,
		"aud":   slices.DeleteFunc(slices.Clone(notStrings), func(s string) bool { return s == `"x"` }),
		"roles": notStrings, "amr": notStrings, "exp": notTime, "iat": notTime, "auth_time": notTime,
		"epoch":  {"null", `"7"`, "true", "[]", "{}", "7.0", "7.5", "7e0", "9223372036854775808", "-9223372036854775809"},
		"sid":    notUUID,
		"claims": {"null", "1", `"x"`, "true", "[]", `{"a":null}`, `{"a":[1]}`, `{"a":{"b":1}}`, `{"a":"x","b":[]}`},
	} {
		for _, value := range values {
			t.Run(name+" = "+value, func(t *testing.T) {
				_, err := f.verify(f.forge(goodPayload().with(name, value).String()))
				refused(t, err, wrong(name))
			})
		}
	}
}

func TestRolesOmittedIsTrueOrFalse(t *testing.T) {
	f := es256()
	for _, value := range []string{"null", "1", `"true"`, "[]", "{}", "[true]"} {
		_, err := f.verify(f.forge(goodPayload().plus("roles_omitted", value).String()))
		refused(t, err, wrong("roles_omitted"))
	}
	for _, omitted := range []bool{true, false} {
		got, err := f.verify(f.forge(goodPayload().without("roles").plus("roles_omitted", fmt.Sprint(omitted)).String()))
		if err != nil || got.RolesOmitted != omitted {
			t.Errorf("roles_omitted %t: read as %t, error %v", omitted, got.RolesOmitted, err)
		}
	}
}

func TestCustomClaimsAreNamedOnce(t *testing.T) {
	f := es256()
	for _, value := range []string{`{"a":1,"a":2}`, `{"a":1,"\\u0061":2}`} {
		_, err := f.verify(f.forge(goodPayload().plus("claims", value).String()))
		refused(t, err, twice)
	}
}

func TestNoClaimMayComeTwice(t *testing.T) {
	f := es256()
	for _, m := range goodPayload() {
		escaped := fmt.Sprintf(`\u%04x%s`, m.name[0], m.name[1:])
		for _, again := range []string{m.name, escaped} {
			t.Run(again, func(t *testing.T) {
				_, err := f.verify(f.forge(goodPayload().plus(again, m.value).String()))
				refused(t, err, twice)
			})
		}
	}
	_, err := f.verify(f.forge(goodPayload().plus("other", "1").plus("other", "1").String()))
	refused(t, err, twice)
}

// Readers differ in whether they fold case, so a name that folds to a claim's could mean one thing here
// and another elsewhere.
func TestNamesThatFoldToAClaimAreRefused(t *testing.T) {
	f := es256()
	names := []string{"iſs", "ſub", "client_Id", "ſid", "ſcope", "roleſ"} // ſ folds to s
	for _, m := range goodPayload() {
		names = append(names, strings.ToUpper(m.name), strings.ToUpper(m.name[:1])+m.name[1:])
	}
	for _, name := range names {
		for how, p := range map[string]payload{
			"beside":  goodPayload().plus(name, "1"),
			"instead": append(payload{{name, "1"}}, goodPayload()[1:]...),
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				_, err := f.verify(f.forge(p.String()))
				refused(t, err, folded)
			})
		}
	}
}

func TestUnknownClaimsArePassedOver(t *testing.T) {
	f := es256()
	for _, name := range []string{"nbf", "nonce", "is", "isss", "aud ", "client-id", "", "ⅰss", "\u212aid"} {
		for _, value := range []string{"null", "1e400", `"x"`, `{"iss":"x","exp":0}`, strings.Repeat("[", 500) + strings.Repeat("]", 500)} {
			got, err := f.verify(f.forge(goodPayload().plus(name, value).String()))
			if err != nil || got.Issuer != issuer {
				t.Errorf("with %q: %s: issuer %q, error %v; want it ignored", name, value, got.Issuer, err)
			}
		}
	}
}

func TestPayloadIsOneObjectAndNothingElse(t *testing.T) {
	f := es256()
	good := goodPayload().String()
	for name, c := range map[string]struct{ payload, reason string }{
		"array around":         {"[" + good + "]", notObject},
		"string":               {`"` + issuer + `"`, notObject},
		"number":               {"1", notObject},
		"null":                 {"null", notObject},
		"spaces":               {"   ", notObject},
		"not JSON":             {"iss=x", notObject},
		"byte order mark":      {"\ufeff" + good, notObject},
		"something before":     {"x" + good, notObject},
		"something behind":     {good + "x", malformed},
		"object behind":        {good + good, malformed},
		"object, newline":      {good + "\n{}", malformed},
		"brace behind":         {good + "}", malformed},
		"NUL behind":           {good + "\x00", malformed},
		"comma behind":         {good + ",", malformed},
		"not closed":           {good[:len(good)-1], malformed},
		"closed by a bracket":  {good[:len(good)-1] + "]", malformed},
		"comma at the end":     {good[:len(good)-1] + ",}", malformed},
		"two commas":           {strings.Replace(good, ",", ",,", 1), malformed},
		"no comma":             {strings.Replace(good, `,"sub"`, ` "sub"`, 1), ""},
		"no colon":             {strings.Replace(good, `"sub":`, `"sub" `, 1), ""},
		"name without quotes":  {strings.Replace(good, `"sub"`, "sub", 1), malformed},
		"single quotes":        {strings.Replace(good, `"sub"`, "'sub'", 1), malformed},
		"comment":              {strings.Replace(good, `"sub"`, `/**/"sub"`, 1), malformed},
		"empty object":         {"{}", "iss: another issuer"},
		"invalid UTF-8, name":  {goodPayload().plus("a\xff", "1").String(), malformed},
		"invalid UTF-8, value": {goodPayload().with("scope", "\"a\xff\"").String(), malformed},
		"UTF-8, other value":   {goodPayload().plus("x", "\"a\xff\"").String(), malformed},
		"lone surrogate":       {goodPayload().with("scope", `"\ud800"`).String(), malformed},
		"leading zero":         {goodPayload().with("exp", "01782900900").String(), ""},
		"NaN":                  {goodPayload().with("exp", "NaN").String(), malformed},
		"nested name twice":    {goodPayload().plus("x", `{"a":1,"a":2}`).String(), twice},
		"endless nesting":      {`{"x":` + strings.Repeat("[", 2000), malformed},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.verify(f.forge(c.payload))
			if c.reason == "" { // which of two readers notices is not our promise
				c.reason = "payload: "
			}
			refused(t, err, c.reason)
		})
	}
}

func TestClaimsMustFitThePlace(t *testing.T) {
	f := es256()
	for name, c := range map[string]struct {
		payload payload
		reason  string
	}{
		"iss of another":         {goodPayload().with("iss", `"https://evil.example"`), "iss: another issuer"},
		"iss with slash":         {goodPayload().with("iss", `"`+issuer+`/"`), "iss: another issuer"},
		"iss empty":              {goodPayload().with("iss", `""`), "iss: another issuer"},
		"iss in upper case":      {goodPayload().with("iss", `"`+strings.ToUpper(issuer)+`"`), "iss: another issuer"},
		"aud another":            {goodPayload().with("aud", `"https://other.example"`), "aud: another audience"},
		"aud others":             {goodPayload().with("aud", `["https://a.example","https://b.example"]`), "aud: another audience"},
		"aud no entry":           {goodPayload().with("aud", `[]`), "aud: missing"},
		"aud empty":              {goodPayload().with("aud", `""`), "aud: another audience"},
		"aud a part of ours":     {goodPayload().with("aud", `"https://api"`), "aud: another audience"},
		"sub empty":              {goodPayload().with("sub", `""`), "sub: missing"},
		"sub not an account":     {goodPayload().with("sub", `"alice"`), "sub: of an account, but not"},
		"sub in upper case":      {goodPayload().with("sub", `"`+strings.ToUpper(accountID)+`"`), "sub: of an account, but not"},
		"sub in braces":          {goodPayload().with("sub", `"{`+accountID+`}"`), "sub: of an account, but not"},
		"sub of another client":  {ofClient().with("sub", `"other"`), "sub: of a client, but another"},
		"sub account, no login":  {ofClient().with("sub", `"`+accountID+`"`), "sub: of a client, but another"},
		"jti empty":              {goodPayload().with("jti", `""`), "jti: missing or not a UUID"},
		"jti a word":             {goodPayload().with("jti", `"one"`), "jti: missing or not a UUID"},
		"jti in upper case":      {goodPayload().with("jti", `"`+strings.ToUpper(tokenID)+`"`), "jti: missing or not a UUID"},
		"jti without hyphens":    {goodPayload().with("jti", `"`+strings.ReplaceAll(tokenID, "-", "")+`"`), "jti: missing or not a UUID"},
		"client_id empty":        {goodPayload().with("client_id", `""`), "client_id: missing"},
		"client_id empty, alone": {ofClient().with("client_id", `""`), "client_id: missing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.verify(f.forge(c.payload.String()))
			refused(t, err, c.reason)
		})
	}
	for _, aud := range []string{`"` + audience + `"`, `["` + audience + `"]`, `["https://other.example","` + audience + `"]`} {
		if _, err := f.verify(f.forge(goodPayload().with("aud", aud).String())); err != nil {
			t.Errorf("aud %s: %v", aud, err)
		}
	}
}

func TestNothingIsAcceptedWhereNothingIsExpected(t *testing.T) {
	f := es256()
	text := f.forge(goodPayload().with("iss", `""`).with("aud", `""`).String())
	_, err := f.verifyAt(now, text, token.Expect{})
	refused(t, err, "iss: another issuer")
	_, err = f.verifyAt(now, f.forge(goodPayload().with("aud", `""`).String()), token.Expect{Issuer: issuer})
	refused(t, err, "aud: another audience")

	other := f.forge(goodPayload().with("aud", `"https://other.example"`).String())
	if _, err := f.verifyAt(now, other, token.Expect{Issuer: issuer, SkipAudience: true}); err != nil {
		t.Errorf("SkipAudience: %v", err)
	}
	_, err = f.verifyAt(now, other, token.Expect{Issuer: "https://evil.example", SkipAudience: true})
	refused(t, err, "iss: another issuer")
}

func TestClockDecidesToTheNanosecond(t *testing.T) {
	f := es256()
	text := f.forge(goodPayload().String()) // iat = now, exp = now + 15 min
	expiry := now.Add(15 * time.Minute)
	for _, c := range []struct {
		name   string
		at     time.Time
		reason string
	}{
		{"just before exp", expiry.Add(-1), ""},
		{"exp", expiry, "exp: expired"},
		{"just after exp", expiry.Add(1), "exp: expired"},
		{"inside a leeway that exp does not have", expiry.Add(token.Leeway / 2), "exp: expired"},
		{"iat", now, ""},
		{"iat at the leeway", now.Add(-token.Leeway), ""},
		{"iat just beyond the leeway", now.Add(-token.Leeway - 1), "iat: in the future"},
		{"long before iat", now.Add(-time.Hour), "iat: in the future"},
		{"another time zone", expiry.Add(-1).In(time.FixedZone("", 14*3600)), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := f.verifyAt(c.at, text, expect)
			if c.reason != "" {
				refused(t, err, c.reason)
			} else if err != nil {
				t.Errorf("at %s: %v", c.at, err)
			}
		})
	}
}

// The order is the design's; a log line then names the first check that fails.
func TestChecksComeInTheOrderOfTheSpecification(t *testing.T) {
	f := es256()
	p := goodPayload().with("iss", `"x"`).with("aud", `"x"`).with("exp", "1").with("iat", "1982900000").
		with("sub", `""`).with("jti", `""`).with("client_id", `""`)
	for _, step := range []struct{ name, value, reason string }{
		{"iss", `"` + issuer + `"`, "iss: another issuer"}, {"aud", `"` + audience + `"`, "aud: another audience"},
		{"exp", "1782900900", "exp: expired"}, {"iat", "1782900000", "iat: in the future"},
		{"sub", `"` + accountID + `"`, "sub: missing"}, {"jti", `"` + tokenID + `"`, "jti: missing"},
		{"client_id", `"app"`, "client_id: missing"},
	} {
		_, err := f.verify(f.forge(p.String()))
		refused(t, err, step.reason)
		p = p.with(step.name, step.value)
	}
	if _, err := f.verify(f.forge(p.String())); err != nil {
		t.Errorf("with everything set right: %v", err)
	}
}

// A name spelled with escapes is the same name to most readers, and not one that an issuer of ours writes.
func TestEscapedClaimNamesAreRefused(t *testing.T) {
	for name, p := range map[string]string{
		"instead": strings.Replace(goodPayload().String(), `"sub"`, `"\u0073ub"`, 1),
		"beside":  goodPayload().plus(`s\u0075b`, `"x"`).String(),
		"folded":  goodPayload().plus(`\u0053UB`, `"x"`).String(),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := es256().verify(es256().forge(p))
			refused(t, err, "payload: ")
		})
	}
	if _, err := es256().verify(es256().forge(goodPayload().plus(`n\u0065w`, `"x"`).String())); err != nil {
		t.Errorf("an escaped name of an unknown claim: %v, want it passed over", err)
	}
}
