package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"golang.org/x/crypto/argon2"
)

// Cost of the hash of a password, as pkg/account has it.
const (
	hashMemory = 19 * 1024 // KiB
	hashPasses = 2
)

// login compares a login end to end with the hash of a password that it cannot do without.
func (l *lab) login(ctx context.Context) ([]comparison, error) {
	own, err := l.startWavepass(ctx, "")
	if err != nil {
		return nil, err
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt)
	hash := perCall(func() error {
		argon2.IDKey([]byte("surf-the-cookie-wave"), salt, hashPasses, hashMemory, 1, 32)
		return nil
	})
	return []comparison{{
		name: "login", title: "Log in, over the bare hash",
		text: fmt.Sprintf("The hash is argon2id with %d MiB and %d passes. A login is `POST /login` to `wavepass local` on loopback, one after the other: it looks for the account, counts the attempt, checks the hash, "+
			"writes the session to the disk and signs an access token. The processor time is the server's.", hashMemory/1024, hashPasses),
		metrics: []metric{{title: "a login", unit: "ms of a processor"}},
		contenders: []contender{
			{"the hash alone", func(ctx context.Context) ([]float64, error) {
				each, err := hash(ctx)
				if err != nil {
					return nil, err
				}
				return []float64{each[0] / 1000}, nil
			}},
			{"Wavepass, in " + own.keeps, func(ctx context.Context) ([]float64, error) { return timeLogins(ctx, own) }},
		},
	}}, nil
}

func timeLogins(ctx context.Context, s server) ([]float64, error) {
	const logins = 4
	before, err := processorTimeOf(s.pid)
	if err != nil {
		return nil, err
	}
	for range logins {
		if _, err := s.session(ctx); err != nil {
			return nil, err
		}
	}
	after, err := processorTimeOf(s.pid)
	return []float64{(after - before).Seconds() * float64(time.Second/time.Millisecond) / logins}, err
}
