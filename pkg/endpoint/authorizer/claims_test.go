package authorizer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

func TestForgedClaimsAreRefused(t *testing.T) {
	f := newForge(t)
	now := deployment.Start.Unix()
	iss, sub, aud := fmt.Sprintf(`"iss":%q`, deployment.Issuer), fmt.Sprintf(`"sub":%q`, deployment.AccountID), fmt.Sprintf(`"aud":%q`, deployment.Issuer)
	exp, epoch := fmt.Sprintf(`"exp":%d`, now+900), fmt.Sprintf(`"epoch":%d`, now)
	for what, change := range map[string][2]string{
		"another issuer":          {iss, `"iss":"https://evil.example"`},
		"issuer with a slash":     {iss, fmt.Sprintf(`"iss":"%s/"`, deployment.Issuer)},
		"issuer in capitals":      {iss, `"iss":"HTTPS://ID.EXAMPLE.COM"`},
		"issuer missing":          {iss + ",", ""},
		"another audience":        {aud, `"aud":"https://other.example"`},
		"audience in an object":   {aud, fmt.Sprintf(`"aud":{"0":%q}`, deployment.Issuer)},
		"no audience":             {aud, `"aud":[]`},
		"null in the audience":    {aud, fmt.Sprintf(`"aud":[null,%q]`, deployment.Issuer)},
		"claim twice":             {sub, sub + "," + sub},
		"claim twice by escape":   {sub, sub + `,"s\u0075b":"x"`},
		"case-folded":             {sub, sub + `,"SUB":"x"`},
		"case-folded in Unicode":  {sub, sub + `,"ſub":"x"`},
		"only case-folded":        {sub, strings.Replace(sub, "sub", "Sub", 1)},
		"nested twice":            {sub, sub + `,"x":{"a":1,"a":2}`},
		"null":                    {`"scope":"profile"`, `"scope":null`},
		"null subject":            {sub, `"sub":null`},
		"subject missing":         {sub + ",", ""},
		"subject of a client":     {sub, `"sub":"app"`},
		"subject in an array":     {sub, fmt.Sprintf(`"sub":[%q]`, deployment.AccountID)},
		"scope in an array":       {`"scope":"profile"`, `"scope":["profile"]`},
		"roles in a text":         {`["member"]`, `"member"`},
		"roles with a number":     {`["member"]`, `["member",1]`},
		"roles with null":         {`["member"]`, `["member",null]`},
		"roles omitted by a text": {`"roles":["member"]`, `"roles_omitted":"true"`},
		"roles omitted by null":   {`"roles":["member"]`, `"roles_omitted":null`},
		"roles omitted by 1":      {`"roles":["member"]`, `"roles_omitted":1`},
		"exp in a text":           {exp, fmt.Sprintf(`"exp":"%d"`, now+900)},
		"exp missing":             {exp + ",", ""},
		"exp null":                {exp, `"exp":null`},
		"exp huge":                {exp, `"exp":1e400`},
		"exp beyond int64":        {exp, `"exp":9223372036854775808`},
		"exp beyond dates":        {exp, `"exp":9223372036854775807`},
		"exp negative":            {exp, `"exp":-1`},
		"exp with a fraction":     {exp, fmt.Sprintf(`"exp":%d.5`, now+900)},
		"exp with an exponent":    {exp, `"exp":2e9`},
		"exp true":                {exp, `"exp":true`},
		"epoch in a text":         {epoch, fmt.Sprintf(`"epoch":"%d"`, now)},
		"epoch beyond int64":      {epoch, `"epoch":1` + strings.Repeat("0", 40)},
		"epoch missing":           {epoch + ",", ""},
		"amr missing":             {`,"amr":["pwd"]`, ""},
		"session not a UUID":      {sessionID, "1"},
		"session in capitals":     {sessionID, strings.ToUpper(sessionID)},
		"jti missing":             {fmt.Sprintf(`"jti":%q,`, tokenID), ""},
		"jti of another shape":    {tokenID, "1"},
		"client missing":          {`"client_id":"app",`, ""},
		"not an object":           {payload(), "[" + payload() + "]"},
		"something after it":      {payload(), payload() + "{}"},
		"cut":                     {`"amr":["pwd"]}`, `"amr":["pwd"]`},
		"not UTF-8":               {"profile", "pro\xfffile"},
		"a lone surrogate":        {"profile", `pro\ud800file`},
		"byte order mark":         {payload(), "\xef\xbb\xbf" + payload()},
		"deep":                    {epoch, epoch + `,"x":` + strings.Repeat("[", 1300) + strings.Repeat("]", 1299)},
		"huge":                    {"profile", strings.Repeat("profile ", 400)},
	} {
		f.refused(what, f.but(change[0], change[1]))
	}
	noOutage(f)
}

func TestOnlyTheIdentitySourceCounts(t *testing.T) {
	f := newForge(t)
	good := f.sign(f.header(), payload())
	for _, header := range []string{
		"", "Bearer", "Bearer ", good, "Basic " + good, "DPoP " + good, "Bearer:" + good, "Bearer\t" + good, "Token " + good, " Bearer " + good,
	} {
		if f.authorize(header) {
			t.Errorf("let through %.40q", header)
		}
	}
	if strings.Contains(f.Log(), good) {
		t.Error("the log contains the token")
	}
}
