package seal_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/seal"
	"github.com/wavepass/wavepass/pkg/store/bolt"
	"github.com/wavepass/wavepass/pkg/token"
)

// process is what one process is told, as JSON in secondProcess.
type process struct {
	Store     string // path of a bolt file
	Endpoint  string // of KMS
	Setting   string // SEALING_KEY
	Algorithm keyring.Algorithm
	Foreign   string // an access token that another process has signed, or ""
}

// made is what a process makes with the keyring.
type made struct {
	Token string // signed with the current key
	MAC   []byte // under version 1
	Error string
}

const secondProcess = "WAVEPASS_SECOND_PROCESS"

// TestMain lets the test's program be a second process, which shares nothing with the first but the store.
func TestMain(m *testing.M) {
	told := os.Getenv(secondProcess)
	if told == "" {
		os.Exit(m.Run())
	}
	var p process
	err := json.Unmarshal([]byte(told), &p)
	var got made
	if err == nil {
		got, err = p.work(context.Background())
	}
	if err != nil {
		got.Error = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(got); err != nil {
		os.Exit(1)
	}
}

// work opens the keyring, and creates it when there is none.
func (p process) work(ctx context.Context) (m made, err error) {
	store, err := bolt.Open(p.Store, time.Now)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	sealer, err := seal.FromSetting(p.Setting, seal.KMSConfig{Endpoint: p.Endpoint, Credentials: dummyCredentials})
	if err != nil {
		return m, err
	}
	ring := keyring.New(keyring.Config{Store: store, Sealer: sealer, Algorithm: p.Algorithm, Now: time.Now})
	signing, err := ring.SigningKeys().Current(ctx)
	if err != nil {
		return m, err
	}
	signed, _ := token.Sign(signing, token.Claims{
		Issuer: "https://id.example.com", Audience: []string{"https://api.example.com"}, Subject: "partner", ClientID: "partner",
		ID: uuid.NewString(), IssuedAt: time.Now(), Expiry: time.Now().Add(time.Hour),
	})
	m.Token = signed.Reveal()
	mac, err := ring.MACKeys().Key(ctx, 1)
	if err != nil {
		return m, err
	}
	if m.MAC = mac.Sum([]byte("message")); p.Foreign == "" {
		return m, nil
	}
	verifier := token.NewVerifier(keyring.NewPublicKeys(store, keyring.Times{}, time.Now), time.Now)
	_, err = verifier.Verify(ctx, oauth.NewSecret(p.Foreign), token.Expect{Issuer: "https://id.example.com", Audience: "https://api.example.com"})
	return m, err
}

// again does the same work in another process.
func (p process) again(t *testing.T) (m made) {
	t.Helper()
	told, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), secondProcess+"="+string(told))
	output, err := command.Output()
	if err == nil {
		err = json.Unmarshal(output, &m)
	}
	if err != nil {
		t.Fatalf("the second process: %v: %s", err, output)
	}
	return m
}

// TestKeyringUnderKMSServesEveryProcess creates a keyring in one process, signs with it in another, and verifies
// there and here what the other has signed.
func TestKeyringUnderKMSServesEveryProcess(t *testing.T) {
	k := newLocalKMS(t)
	for _, alg := range []keyring.Algorithm{keyring.ES256, keyring.EdDSA, keyring.RS256} {
		p := process{Store: filepath.Join(t.TempDir(), "wavepass.db"), Endpoint: k.endpoint, Setting: "kms:" + k.key, Algorithm: alg}
		first, err := p.work(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		p.Foreign = first.Token
		second := p.again(t)
		if second.Error != "" {
			t.Errorf("%s: the second process: %s", alg, second.Error)
		}
		p.Foreign = second.Token
		third, err := p.work(t.Context())
		if err != nil {
			t.Errorf("%s: what the second process signed: %v", alg, err)
		}
		if diff := cmp.Diff(first.MAC, second.MAC) + cmp.Diff(first.MAC, third.MAC); diff != "" || first.MAC == nil {
			t.Errorf("%s: MACs of one message under one version differ, or there is none: %s", alg, diff)
		}
	}
}

// TestKeyringUnderAnotherKeyIsUnavailable: a function with the wrong key waits for a repair. It neither creates
// a keyring of its own nor takes this one for damaged.
func TestKeyringUnderAnotherKeyIsUnavailable(t *testing.T) {
	k := newLocalKMS(t)
	p := process{Store: filepath.Join(t.TempDir(), "wavepass.db"), Endpoint: k.endpoint, Setting: "kms:" + k.key, Algorithm: keyring.ES256}
	first, err := p.work(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wrong := p
	wrong.Setting = "kms:" + k.another(t)
	if _, err := wrong.work(t.Context()); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("under another key: error %v, want ErrUnavailable", err)
	}
	p.Foreign = first.Token
	if _, err := p.work(t.Context()); err != nil {
		t.Errorf("under its own key afterwards: %v", err)
	}
}
