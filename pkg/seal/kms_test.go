package seal_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/seal"
)

const (
	testARN  = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	otherARN = "arn:aws:kms:eu-west-1:111122223333:key/ffffffff-12ab-34cd-56ef-1234567890ab"
)

// fakeKMS makes data keys and decrypts them for whoever names the same key and encryption context.
type fakeKMS struct {
	*httptest.Server
	requests atomic.Int64
	fault    http.HandlerFunc // instead of every answer, when set

	mu   sync.Mutex
	keys map[string]dataKey // encrypted → plain
}

type dataKey struct {
	plain   []byte
	keyID   string
	context map[string]string
}

type kmsRequest struct {
	KeyID             string `json:"KeyId"`
	KeySpec           string
	CiphertextBlob    []byte
	EncryptionContext map[string]string
}

func newFakeKMS(t *testing.T) *fakeKMS {
	f := &fakeKMS{keys: map[string]dataKey{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fakeKMS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.requests.Add(1)
	if f.fault != nil {
		f.fault(w, r)
		return
	}
	var in kmsRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuseKMS(w, "ValidationException")
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch r.Header.Get("X-Amz-Target") {
	case "TrentService.GenerateDataKey":
		made := dataKey{make([]byte, 32), in.KeyID, in.EncryptionContext}
		_, _ = rand.Read(made.plain)
		encrypted := []byte("encrypted " + rand.Text())
		f.keys[string(encrypted)] = made
		_ = json.NewEncoder(w).Encode(map[string]any{"CiphertextBlob": encrypted, "Plaintext": made.plain, "KeyId": in.KeyID})
	case "TrentService.Decrypt":
		made, ok := f.keys[string(in.CiphertextBlob)]
		switch {
		case ok && in.KeyID != made.keyID:
			refuseKMS(w, "IncorrectKeyException")
		case !ok || !maps.Equal(in.EncryptionContext, made.context):
			refuseKMS(w, "InvalidCiphertextException")
		default:
			_ = json.NewEncoder(w).Encode(map[string]any{"Plaintext": made.plain, "KeyId": made.keyID})
		}
	default:
		refuseKMS(w, "UnsupportedOperationException")
	}
}

func refuseKMS(w http.ResponseWriter, code string) {
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": "as the test wants it"})
}

func (f *fakeKMS) sealer(t *testing.T, arn string) *seal.KMS {
	t.Helper()
	sealer, err := seal.NewKMS(arn, seal.KMSConfig{Endpoint: f.URL, Credentials: dummyCredentials})
	if err != nil {
		t.Fatalf("NewKMS: %v", err)
	}
	return sealer
}

// endsWithin is the 3 seconds that a call has, and what a busy machine may add. Without a deadline it would not end.
const endsWithin = 15 * time.Second

var dummyCredentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "dummy", SecretAccessKey: "dummy"}, nil
})

func TestKMSOpensWhatItSealed(t *testing.T) { wantRoundTrips(t, newFakeKMS(t).sealer(t, testARN)) }

func TestKMSRefusesWhatWasChangedOrMadeForAnotherPurpose(t *testing.T) {
	wantOnlyUnchangedOpens(t, newFakeKMS(t).sealer(t, testARN))
}

func TestKMSRefusesWhatAnotherKMSKeySealed(t *testing.T) {
	service := newFakeKMS(t)
	sealed, err := service.sealer(t, otherARN).Seal(t.Context(), "SIGNING", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := service.sealer(t, testARN).Open(t.Context(), "SIGNING", sealed)
	if err == nil || errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("Open = %q, error %v; want an error that is not ErrUnavailable", opened, err)
	}
}

func TestKMSIsToldThePurpose(t *testing.T) {
	service := newFakeKMS(t)
	if _, err := service.sealer(t, testARN).Seal(t.Context(), "REFRESH", []byte("secret")); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"wavepass:purpose": "REFRESH"}
	for _, made := range service.keys {
		if !maps.Equal(made.context, want) {
			t.Errorf("encryption context = %v, want %v", made.context, want)
		}
	}
}

// TestPurposeIsBoundToTheCiphertextToo guards against a KMS key policy that lets contexts be mixed up: the
// data key of one purpose does not open what is labelled with another.
func TestPurposeIsBoundToTheCiphertextToo(t *testing.T) {
	service := newFakeKMS(t)
	sealer := service.sealer(t, testARN)
	sealed, err := sealer.Seal(t.Context(), "SIGNING", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	for encrypted, made := range service.keys {
		made.context = map[string]string{"wavepass:purpose": "REFRESH"}
		service.keys[encrypted] = made
	}
	if opened, err := sealer.Open(t.Context(), "REFRESH", sealed); err == nil {
		t.Errorf("Open for another purpose = %q, want an error", opened)
	}
}

func TestKMSDoesNotAskAboutWhatItDidNotSeal(t *testing.T) {
	service := newFakeKMS(t)
	local, err := newLocal(t, testKey).Seal(t.Context(), "SIGNING", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range [][]byte{nil, {2}, {2, 0, 0}, {2, 0, 9, 1}, {3, 0, 1, 1}, local} {
		if _, err := service.sealer(t, testARN).Open(t.Context(), "SIGNING", text); err == nil || errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("Open(%x): error = %v, want one that is not ErrUnavailable", text, err)
		}
	}
	if got := service.requests.Load(); got != 0 {
		t.Errorf("KMS was asked %d times, want 0", got)
	}
}

func TestKMSFaultsAreUnavailableWithinThreeSeconds(t *testing.T) {
	code := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { refuseKMS(w, name) }
	}
	for name, test := range map[string]struct {
		fault    http.HandlerFunc
		requests int64
	}{
		"throttled":      {code("ThrottlingException"), 3},
		"denied":         {code("AccessDeniedException"), 1},
		"key missing":    {code("NotFoundException"), 1},
		"key disabled":   {code("DisabledException"), 1},
		"internal error": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, 3},
		"silent":         {silent, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := newFakeKMS(t)
			sealer := service.sealer(t, testARN)
			sealed, err := sealer.Seal(t.Context(), "SIGNING", []byte("secret"))
			if err != nil {
				t.Fatal(err)
			}
			service.fault = test.fault
			for what, call := range map[string]func() error{
				"Seal": func() error { _, err := sealer.Seal(t.Context(), "SIGNING", nil); return err },
				"Open": func() error { _, err := sealer.Open(t.Context(), "SIGNING", sealed); return err },
			} {
				service.requests.Store(0)
				start := time.Now()
				if err := call(); !errors.Is(err, oauth.ErrUnavailable) {
					t.Errorf("%s: error = %v, want ErrUnavailable", what, err)
				}
				if took := time.Since(start); took > endsWithin {
					t.Errorf("%s: took %s, want about 3s", what, took)
				}
				if got := service.requests.Load(); got != test.requests {
					t.Errorf("%s: %d attempts, want %d", what, got, test.requests)
				}
			}
		})
	}
}

// silent waits until the caller gives up, which the server notices only once the body is read.
func silent(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func TestKMSRepeatsAfterAThrottle(t *testing.T) {
	service := newFakeKMS(t)
	first := true
	service.fault = func(w http.ResponseWriter, r *http.Request) {
		if first {
			first = false
			refuseKMS(w, "ThrottlingException")
			return
		}
		service.fault = nil
		service.ServeHTTP(w, r)
	}
	if _, err := service.sealer(t, testARN).Seal(t.Context(), "SIGNING", []byte("secret")); err != nil {
		t.Errorf("Seal after one throttle: %v, want nil", err)
	}
}

func TestKMSTakesCredentialsFromTheEnvironment(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	if _, err := seal.NewKMS(testARN, seal.KMSConfig{}); err == nil || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
		t.Errorf("without credentials: error = %v, want one that names AWS_ACCESS_KEY_ID", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_SESSION_TOKEN", "session")
	service := newFakeKMS(t)
	var header http.Header
	service.fault = func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		refuseKMS(w, "DisabledException")
	}
	sealer, err := seal.NewKMS(testARN, seal.KMSConfig{Endpoint: service.URL})
	if err != nil {
		t.Fatalf("NewKMS: %v", err)
	}
	_, _ = sealer.Seal(t.Context(), "SIGNING", nil)
	for _, want := range []string{"Credential=AKIDEXAMPLE/", "/eu-west-1/kms/"} {
		if got := header.Get("Authorization"); !strings.Contains(got, want) {
			t.Errorf("Authorization = %q, want %q in it", got, want)
		}
	}
	if got := header.Get("X-Amz-Security-Token"); got != "session" {
		t.Errorf("X-Amz-Security-Token = %q, want %q", got, "session")
	}
}
