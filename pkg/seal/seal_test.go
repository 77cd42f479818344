package seal_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/seal"
)

func TestFromSettingNeverRepeatsTheSetting(t *testing.T) {
	const secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
	for _, setting := range []string{
		"", "local", "local:", "local:" + secret, "local:!" + secret, "local:" + secret + "\n", secret, "LOCAL:" + secret,
		"kms:", "kms:" + secret, "kms:arn:aws:s3:::" + secret, "kms:arn:aws:kms::1:key/" + secret,
		"kms:arn:aws:kms:eu-west-1:1:" + secret,
	} {
		_, err := seal.FromSetting(setting, seal.KMSConfig{Credentials: dummyCredentials})
		if err == nil {
			t.Errorf("setting %q: accepted", setting)
			continue
		}
		if printed := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(printed, secret[:8]) {
			t.Errorf("setting %q: the error repeats it: %s", setting, printed)
		}
	}
}

func TestFromSettingChoosesTheSealer(t *testing.T) {
	service := newFakeKMS(t)
	cfg := seal.KMSConfig{Endpoint: service.URL, Credentials: dummyCredentials}
	for setting, version := range map[string]byte{
		"local:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZUY=": 1,
		"kms:" + testARN: 2,
		"kms:arn:aws-cn:kms:cn-north-1:111122223333:alias/some": 2,
	} {
		sealer, err := seal.FromSetting(setting, cfg)
		if err != nil {
			t.Errorf("setting %q: %v", setting, err)
			continue
		}
		sealed, err := sealer.Seal(t.Context(), "SIGNING", []byte("secret"))
		if err != nil || !bytes.HasPrefix(sealed, []byte{version}) {
			t.Errorf("setting %q: Seal = %x, error %v; want version %d", setting, sealed, err, version)
		}
	}
}
