package client_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
)

func TestIdentifyAsksServicesForTheirSecretAndNobodyElse(t *testing.T) {
	const secret = "canary-client-secret"
	for _, kind := range []client.Kind{client.Browser, client.Site, client.Native, client.Service} {
		right := ""
		if kind == client.Service {
			right = secret
		}
		for _, sent := range []string{"", secret, secret + "x", "Canary-Client-Secret", " "} {
			f := newFixture(start)
			c := client.New("app", kind)
			if kind == client.Service {
				c.SecretHash = client.HashSecret(oauth.NewSecret(secret))
			}
			f.store.clients["app"] = c
			got, err := f.registry.Identify(ctx, "app", oauth.NewSecret(sent))
			switch {
			case sent != right && (!errors.Is(err, client.ErrUnknown) || err.Error() != client.ErrUnknown.Error()): // no text tells which ids exist
				t.Errorf("%s with secret %q: error %v, want the text of ErrUnknown", kind, sent, err)
			case sent == right && (err != nil || got.ID != "app" || got.Kind != kind):
				t.Errorf("%s with secret %q: client %q of kind %q, error %v, want the client", kind, sent, got.ID, got.Kind, err)
			}
		}
	}
}

func TestServiceWithoutARegisteredSecretIsNobody(t *testing.T) {
	for _, hash := range [][]byte{nil, {}, {0}} {
		f := newFixture(start)
		c := client.New("app", client.Service)
		c.SecretHash = hash
		f.store.clients["app"] = c
		for _, sent := range []oauth.Secret{{}, oauth.NewSecret(""), oauth.NewSecret("x")} {
			if _, err := f.registry.Identify(ctx, "app", sent); !errors.Is(err, client.ErrUnknown) {
				t.Errorf("hash %v, secret %q: error %v, want ErrUnknown", hash, sent.Reveal(), err)
			}
		}
	}
}

func TestIdentifyCannotTellAnUnknownClientFromAWrongSecret(t *testing.T) {
	f := newFixture(start)
	service := client.New("service", client.Service)
	service.SecretHash = client.HashSecret(oauth.NewSecret("canary-client-secret"))
	f.store.clients["service"] = service
	_, wrong := f.registry.Identify(ctx, "service", oauth.NewSecret("canary-wrong"))
	_, unknown := f.registry.Identify(ctx, "nobody", oauth.NewSecret("canary-wrong"))
	_, impossible := f.registry.Identify(ctx, "No Body", oauth.NewSecret("canary-wrong"))
	if !errors.Is(wrong, client.ErrUnknown) || wrong.Error() != unknown.Error() || unknown != client.ErrUnknown || impossible != unknown {
		t.Errorf("wrong secret: %v, unknown: %v, impossible: %v; want ErrUnknown three times", wrong, unknown, impossible)
	}
}

func TestIdentifyReadsAKnownClientOnceAMinuteWhateverTheSecret(t *testing.T) {
	f := newFixture(start)
	for range 3 {
		_, _ = f.registry.Identify(ctx, "app", oauth.Secret{})
		_, _ = f.registry.Identify(ctx, "app", oauth.NewSecret("canary-wrong"))
	}
	if f.store.reads != 1 {
		t.Errorf("the store was read %d times, want once", f.store.reads)
	}
	f.at = f.at.Add(time.Minute)
	if _, err := f.registry.Identify(ctx, "app", oauth.Secret{}); err != nil || f.store.reads != 2 {
		t.Errorf("a minute later: error %v after %d readings, want none after 2", err, f.store.reads)
	}
}

func TestIdentifyIsUnavailableWhenTheStoreIs(t *testing.T) {
	f := newFixture(start)
	f.store.err = fmt.Errorf("%w: throttled", oauth.ErrUnavailable)
	got, err := f.registry.Identify(ctx, "app", oauth.Secret{})
	if !errors.Is(err, oauth.ErrUnavailable) || errors.Is(err, client.ErrUnknown) || got.ID != "" {
		t.Errorf("client %q, error %v, want ErrUnavailable and no client", got.ID, err)
	}
}
