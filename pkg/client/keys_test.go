package client_test

import (
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// A key of RFC 8037, appendix A.
const publicKey = `{"kty":"OKP","crv":"Ed25519","kid":"k1","alg":"EdDSA","use":"sig","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`

func TestKeysAreTheOnlyWayToAuthenticate(t *testing.T) {
	const good = `{"keys":[` + publicKey + `]}`
	for name, tc := range map[string]struct {
		kind   client.Kind
		jwks   string
		secret string
		says   string // "" when it is accepted
	}{
		"keys":                         {client.Service, good, "", ""},
		"keys beside a secret":         {client.Service, good, "s", "beside a secret"},
		"of a native client":           {client.Native, good, "", "no server or service"},
		"of a server":                  {client.Server, good, "", ""},
		"of a server, beside a secret": {client.Server, good, "s", "beside a secret"},
		"a key twice":                  {client.Service, `{"keys":[` + publicKey + `,` + publicKey + `]}`, "", "another key"},
		"another use":                  {client.Service, strings.Replace(good, "sig", "enc", 1), "", "use sig"},
		"too long":                     {client.Service, good + strings.Repeat(" ", 16<<10), "", "at most 16384"},
	} {
		c := client.New("c", tc.kind)
		c.JWKS = tc.jwks
		if tc.secret != "" {
			c.SecretHash = client.HashSecret(oauth.NewSecret(tc.secret))
		}
		err := c.Check()
		if (err == nil) != (tc.says == "") || err != nil && (!strings.Contains(err.Error(), "jwks") || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s: %v, want an error about jwks that says %q", name, err, tc.says)
		}
	}
}
