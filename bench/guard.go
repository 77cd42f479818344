package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// bound is a ratio that a change must not lift far: the first metric of a row over that of another.
type bound struct {
	part, comparison string
	row, over        string
	atMost           float64
}

// bounds are about twice what is measured on a quiet machine, so that they fail for what has become several times slower and not for what else the machine does.
var bounds = []bound{
	{"starts", "starts", "Wavepass, authorizer", "empty handler in Go", 3.5},
	{"starts", "starts", "Wavepass, login", "empty handler in Go", 3.5},
	{"verify", "verify-es256", "Wavepass", "the signature alone, standard library", 2},
	{"verify", "verify-eddsa", "Wavepass", "the signature alone, standard library", 2},
	{"authorize", "authorize", "Wavepass, a token at first sight", "golang-jwt", 2},
	{"authorize", "authorize", "Wavepass, a token seen before", "golang-jwt", 0.4},
	{"flat", "revocations", "100,000 revocations", "10 revocations", 3},
	{"flat", "sessions", "100,000 sessions", "1 session", 3},
	{"login", "login", "Wavepass, in the disk (bbolt)", "the hash alone", 2},
}

const (
	guardRounds   = 3
	guardAttempts = 3
	guardCount    = 100_000 // revocations and sessions: with more of them, filling the store takes longer than all the rest
)

// guard measures what bounds name, without anything that must be installed first. What is over its bound is measured again; it fails when it is over it each time.
func (l *lab) guard(ctx context.Context) error {
	l.alone = true
	begin := time.Now()
	var failed []error
	for _, p := range parts {
		if !slices.ContainsFunc(bounds, func(b bound) bool { return b.part == p.name }) {
			continue
		}
		over, err := l.guardPart(ctx, p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		failed = append(failed, over...)
		fmt.Fprintf(os.Stderr, "[%s] %s\n", time.Since(begin).Round(time.Second), p.name)
	}
	return errors.Join(failed...)
}

func (l *lab) guardPart(ctx context.Context, p part) (over []error, err error) {
	defer l.end()
	comparisons, err := p.prepare(l, ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range comparisons {
		var broken []error
		for range guardAttempts {
			if !slices.ContainsFunc(bounds, func(b bound) bool { return b.comparison == c.name }) {
				break
			}
			r, err := c.run(ctx, guardRounds)
			if err != nil {
				return nil, err
			}
			if broken = r.over(bounds); broken == nil {
				break
			}
		}
		over = append(over, broken...)
	}
	return over, nil
}

// over returns an error for each bound of this comparison that does not hold.
func (r result) over(bounds []bound) (broken []error) {
	for _, b := range bounds {
		if b.comparison != r.name {
			continue
		}
		mine, others := r.rowNamed(b.row), r.rowNamed(b.over)
		if mine == nil || others == nil {
			broken = append(broken, fmt.Errorf("%s: there is no row %q or %q: bench/guard.go and the comparison name different ones", r.name, b.row, b.over))
			continue
		}
		ratio := mine.cells[0].median / others.cells[0].median
		fmt.Printf("%-14s %-36s %6s × %s, at most %s ×\n", r.name, b.row, number(ratio), b.over, number(b.atMost))
		if ratio > b.atMost {
			broken = append(broken, fmt.Errorf("%s: %s is %s × %s, and may be %s ×: it has become slower. Should it be, change the bound in bench/guard.go", r.name, b.row, number(ratio), b.over, number(b.atMost)))
		}
	}
	return broken
}

func (r result) rowNamed(name string) *row {
	i := slices.IndexFunc(r.rows, func(one row) bool { return one.name == name })
	if i < 0 {
		return nil
	}
	return &r.rows[i]
}
