package seal_test

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/wavepass/wavepass/internal/faultproxy"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/seal"
)

// localKMS is the KMS that scripts/kms-local starts.
type localKMS struct {
	endpoint string
	key      string // ARN of a key that no test may change
	api      *kms.Client
}

// newLocalKMS skips the test when there is none.
func newLocalKMS(t *testing.T) localKMS {
	t.Helper()
	k := localKMS{endpoint: os.Getenv("KMS_ENDPOINT"), key: os.Getenv("KMS_KEY_ARN")}
	if k.endpoint == "" || k.key == "" {
		t.Skip("KMS_ENDPOINT is not set: run it by scripts/kms-local")
	}
	k.api = kms.New(kms.Options{Region: strings.Split(k.key, ":")[3], BaseEndpoint: &k.endpoint, Credentials: dummyCredentials})
	return k
}

// another is the ARN of a new key.
func (k localKMS) another(t *testing.T) string {
	t.Helper()
	made, err := k.api.CreateKey(t.Context(), &kms.CreateKeyInput{})
	if err != nil {
		t.Fatal(err)
	}
	return *made.KeyMetadata.Arn
}

func sealerAt(t *testing.T, endpoint, arn string) *seal.KMS {
	t.Helper()
	sealer, err := seal.NewKMS(arn, seal.KMSConfig{Endpoint: endpoint, Credentials: dummyCredentials})
	if err != nil {
		t.Fatalf("NewKMS: %v", err)
	}
	return sealer
}

func TestLocalKMSOpensWhatItSealed(t *testing.T) {
	k := newLocalKMS(t)
	wantRoundTrips(t, sealerAt(t, k.endpoint, k.key))
}

func TestLocalKMSRefusesWhatWasChangedOrMadeForAnotherPurpose(t *testing.T) {
	k := newLocalKMS(t)
	wantOnlyUnchangedOpens(t, sealerAt(t, k.endpoint, k.key))
}

// TestLocalKMSBindsDataKeysToTheirContext is what the other tests here rely on: purposes are told apart by KMS
// itself, not only by what is sealed under its data keys.
func TestLocalKMSBindsDataKeysToTheirContext(t *testing.T) {
	k := newLocalKMS(t)
	own := map[string]string{"wavepass:purpose": "SIGNING"}
	made, err := k.api.GenerateDataKey(t.Context(), &kms.GenerateDataKeyInput{KeyId: &k.key, KeySpec: types.DataKeySpecAes256, EncryptionContext: own})
	if err != nil {
		t.Fatal(err)
	}
	decrypt := func(arn string, context map[string]string) error {
		_, err := k.api.Decrypt(t.Context(), &kms.DecryptInput{KeyId: &arn, CiphertextBlob: made.CiphertextBlob, EncryptionContext: context})
		return err
	}
	if err := decrypt(k.key, own); err != nil {
		t.Errorf("its own context: %v", err)
	}
	for name, err := range map[string]error{
		"another purpose": decrypt(k.key, map[string]string{"wavepass:purpose": "REFRESH"}),
		"no context":      decrypt(k.key, nil),
		"another key":     decrypt(k.another(t), own),
	} {
		var invalid *types.InvalidCiphertextException
		var incorrect *types.IncorrectKeyException // the cloud's answer to another key
		if !errors.As(err, &invalid) && !errors.As(err, &incorrect) {
			t.Errorf("%s: error %v, want InvalidCiphertextException", name, err)
		}
	}
}

func TestLocalKMSRefusesWhatAnotherKeySealed(t *testing.T) {
	k := newLocalKMS(t)
	sealed, err := sealerAt(t, k.endpoint, k.another(t)).Seal(t.Context(), "SIGNING", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := sealerAt(t, k.endpoint, k.key).Open(t.Context(), "SIGNING", sealed); err == nil || errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("Open = %q, error %v; want an error that is not ErrUnavailable", opened, err)
	}
}

// TestKeyThatMayNotBeUsedIsUnavailable is about keys that somebody, or a mistake in a setting, keeps from us. What
// they sealed is not taken for damaged, and opens when they are back.
func TestKeyThatMayNotBeUsedIsUnavailable(t *testing.T) {
	k := newLocalKMS(t)
	enable := func(key *string) error {
		_, err := k.api.EnableKey(t.Context(), &kms.EnableKeyInput{KeyId: key})
		return err
	}
	for name, test := range map[string]struct {
		take, giveBack func(key *string) error
	}{
		"disabled": {func(key *string) error {
			_, err := k.api.DisableKey(t.Context(), &kms.DisableKeyInput{KeyId: key})
			return err
		}, enable},
		"to be deleted": {func(key *string) error {
			_, err := k.api.ScheduleKeyDeletion(t.Context(), &kms.ScheduleKeyDeletionInput{KeyId: key, PendingWindowInDays: aws.Int32(7)})
			return err
		}, func(key *string) error {
			_, err := k.api.CancelKeyDeletion(t.Context(), &kms.CancelKeyDeletionInput{KeyId: key})
			return errors.Join(err, enable(key))
		}},
	} {
		arn := k.another(t)
		sealer := sealerAt(t, k.endpoint, arn)
		sealed, err := sealer.Seal(t.Context(), "SIGNING", []byte("secret"))
		if err := errors.Join(err, test.take(&arn)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		wantUnavailable(t, name, sealer, sealed)
		if err := test.giveBack(&arn); err != nil {
			t.Fatalf("%s, given back: %v", name, err)
		}
		if opened, err := sealer.Open(t.Context(), "SIGNING", sealed); err != nil || string(opened) != "secret" {
			t.Errorf("%s, given back: Open = %q, error %v", name, opened, err)
		}
	}
	sealed, err := sealerAt(t, k.endpoint, k.key).Seal(t.Context(), "SIGNING", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	for name, arn := range map[string]string{
		"missing":            k.key[:len(k.key)-4] + "0000",
		"of another account": strings.Replace(k.key, ":"+strings.Split(k.key, ":")[4]+":", ":444455556666:", 1),
		"a missing alias":    k.key[:strings.LastIndexByte(k.key, ':')+1] + "alias/nobodys",
	} {
		wantUnavailable(t, name, sealerAt(t, k.endpoint, arn), sealed)
	}
}

func wantUnavailable(t *testing.T, name string, sealer *seal.KMS, sealed []byte) {
	t.Helper()
	for what, call := range map[string]func() error{
		"Seal": func() error { _, err := sealer.Seal(t.Context(), "SIGNING", nil); return err },
		"Open": func() error { _, err := sealer.Open(t.Context(), "SIGNING", sealed); return err },
	} {
		start := time.Now()
		if err := call(); !errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("%s: %s: error %v, want ErrUnavailable", name, what, err)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("%s: %s took %s, want at most 3s", name, what, took)
		}
	}
}

// TestLocalKMSUnderFaults lets both methods meet every fault. Nothing that was sealed is lost by one.
func TestLocalKMSUnderFaults(t *testing.T) {
	k := newLocalKMS(t)
	throttle := faultproxy.Refuse(http.StatusBadRequest, "ThrottlingException")
	internal := faultproxy.Refuse(http.StatusInternalServerError, "KMSInternalException")
	const forEver = 0
	for name, test := range map[string]struct {
		fault    faultproxy.Fault
		times    int
		survived bool
	}{
		"throttled twice":       {throttle, 2, true},
		"internal errors twice": {internal, 2, true},
		"request lost":          {faultproxy.DropRequest, 1, true},
		"reply lost":            {faultproxy.DropResponse, 1, true},
		"slow":                  {faultproxy.Delay(100 * time.Millisecond), forEver, true},
		"silent once":           {faultproxy.Hang, 1, true},
		"throttled for ever":    {throttle, forEver, false},
		"internal errors":       {internal, forEver, false},
		"denied":                {faultproxy.AccessDenied, forEver, false},
		"cut off":               {faultproxy.DropRequest, forEver, false},
		"every reply lost":      {faultproxy.DropResponse, forEver, false},
		"slower than we wait":   {faultproxy.Delay(time.Minute), forEver, false},
		"silent":                {faultproxy.Hang, forEver, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := faultproxy.Start(t, k.endpoint)
			sealer := sealerAt(t, proxy.URL, k.key)
			sealed, err := sealer.Seal(t.Context(), "SIGNING", []byte("secret"))
			if err != nil {
				t.Fatal(err)
			}
			inject := func() { proxy.Heal(); proxy.Inject(faultproxy.Rule{Fault: test.fault, Times: test.times}) }
			inject()
			if !test.survived {
				wantUnavailable(t, name, sealer, sealed)
				proxy.Heal()
			}
			if opened, err := sealer.Open(t.Context(), "SIGNING", sealed); err != nil || string(opened) != "secret" {
				t.Errorf("Open = %q, error %v", opened, err)
			}
			if test.survived {
				inject()
			}
			again, err := sealer.Seal(t.Context(), "SIGNING", []byte("secret"))
			if err != nil {
				t.Fatalf("Seal: %v", err)
			}
			proxy.Heal()
			if opened, err := sealer.Open(t.Context(), "SIGNING", again); err != nil || string(opened) != "secret" {
				t.Errorf("Open what was sealed then = %q, error %v", opened, err)
			}
		})
	}
}
