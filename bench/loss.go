package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	peoplePerStory = 3
	aged           = 11 * time.Second // a token of this age is rotated by everybody; Wavepass answers one that is younger than 10 s with itself
	pause          = 66 * time.Second // longer than any window in which a token may come twice: 60 s, and 5 s that Wavepass allows for clocks that differ
	grace          = time.Minute      // for those that have a setting for such a window, which is off by default
	thiefTries     = 4
)

// loss sends every server the same stories of refreshes that get lost, come twice, late or in another order, and of thieves.
func (l *lab) loss(ctx context.Context) (result, error) {
	servers, err := l.servers(ctx, "")
	if err != nil {
		return result{}, err
	}
	strict, err := l.withoutLateRetries(ctx, servers[0])
	if err != nil {
		return result{}, err
	}
	servers = append(servers, strict)
	for _, p := range peers {
		if !p.hasGrace {
			continue
		}
		s, err := p.start(l, ctx, grace)
		if err != nil {
			continue // servers has said so
		}
		s.name += ", set to 60 s"
		servers = append(servers, s)
	}
	r := result{comparison: comparison{
		name: "loss", title: "Refresh under loss, and thieves",
		text: fmt.Sprintf("Each server at its defaults, the same requests to its token endpoint (RFC 6749 §6), %d people a story, each with a token that is %s old. The first lines are people who have done nothing wrong: "+
			"how many of them have to log in again, though nobody stole anything. The others have had a refresh token copied: with which of their refreshes thieves are refused, and how long after the theft. "+
			"Thief and owner go on in turn, %s apart; a thief who is not stopped has refreshed %d times by then. An answer 5xx is asked again a second later.", peoplePerStory, aged, pause, thiefTries),
		notes: []string{
			"What their documents and sources say of a token that was used: **OpenAuth** answers it for 60 s with the same successor (`ttl.reuse`), and forgets it afterwards (`ttl.retention`), so that it no longer knows a copy. " +
				"**oidc-provider** rotates the tokens of public clients each time, and ends the grant when a used one comes. **Better Auth** ends all sessions of the person with this client when a used one comes, unless " +
				"`refreshTokenReuseInterval` is set; **Ory Hydra** ends the session, unless `rotation_grace_period` is set. Both are 0 by default; the last two columns set them to 60 s. **Wavepass** answers the token before the newest " +
				"for 60 s (`REFRESH_GRACE`), and that of a native application, which this one is, twice even later, because a phone may hear no answer for hours: so it logs nobody out for a lost answer, and stops a thief later. " +
				"Clients of another kind have no late retries, nor has the one of the column \"no late retries\" (`--late-retries 0`).",
		},
	}, table: [][]string{{"story"}}}
	for _, s := range servers {
		r.table[0] = append(r.table[0], s.name)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	cells := make([][]string, len(honestStories)+len(thiefStories))
	var (
		wg   sync.WaitGroup
		told atomic.Int32
	)
	for i := range cells {
		cells[i] = make([]string, len(servers))
		for j, s := range servers {
			wg.Go(func() {
				var err error
				if i < len(honestStories) {
					cells[i][j], err = tellHonest(ctx, s, honestStories[i])
				} else {
					cells[i][j], err = tellThief(ctx, s, thiefStories[i-len(honestStories)])
				}
				if err != nil {
					stop(err) // the first is the one to report; the others end because of it
				}
				fmt.Fprintf(os.Stderr, "loss: %d of %d told\n", told.Add(1), len(cells)*len(servers))
			})
		}
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return result{}, err
	}
	for i, line := range cells {
		name := ""
		if i < len(honestStories) {
			name = honestStories[i].name
		} else {
			name = "thief: " + thiefStories[i-len(honestStories)].name
		}
		r.table = append(r.table, append([]string{name}, line...))
	}
	return r, nil
}

// withoutLateRetries is the same Wavepass by a client whose old tokens may not come late.
func (l *lab) withoutLateRetries(ctx context.Context, own server) (server, error) {
	program, err := l.wavepass()
	if err != nil {
		return server{}, err
	}
	const id = "strict"
	if out, err := exec.CommandContext(ctx, program, "client", "add", id, "--kind", "native", "--late-retries", "0", "--data", own.data).CombinedOutput(); err != nil {
		return server{}, fmt.Errorf("wavepass client add: %w\n%s", err, tail(out))
	}
	strict := wavepassServer(own.pid, strings.TrimSuffix(own.token, "/token"), own.data, id)
	strict.name += ", no late retries"
	return strict, nil
}

// party is an application that has a refresh token, or believes so.
type party struct {
	server server
	token  string
}

// refresh takes the answer's token. It returns errLoggedOut when the server has refused, after which a person has to log in.
func (p *party) refresh(ctx context.Context) error {
	next, err := p.ask(ctx)
	if errors.As(err, &refused{}) {
		return errLoggedOut
	}
	if err == nil {
		p.token = next
	}
	return err
}

var errLoggedOut = errors.New("logged out")

// unheard sends a refresh whose answer nobody gets.
func (p *party) unheard(ctx context.Context) error {
	_, err := p.ask(ctx)
	if errors.As(err, &refused{}) {
		return nil
	}
	return err
}

// ask refreshes, and a second later again while the server says that it cannot just now.
func (p *party) ask(ctx context.Context) (token string, err error) {
	for range patience {
		token, err = p.server.refresh(ctx, p.token)
		var r refused
		if !errors.As(err, &r) || !r.temporary() {
			return token, err
		}
		if err := pauseFor(ctx, time.Second); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("%d times: %v", patience, err)
}

// An honest story is what happens to a person with a token. It returns everybody else who then goes on with a token of theirs.
type honestStory struct {
	name string
	tell func(ctx context.Context, p *party) ([]*party, error)
}

var honestStories = []honestStory{
	{"nothing happens", func(context.Context, *party) ([]*party, error) { return nil, nil }},
	{"an answer is lost; the application asks again at once", func(ctx context.Context, p *party) ([]*party, error) {
		return nil, p.unheard(ctx)
	}},
	{"an answer is lost; the application asks again after " + pause.String(), func(ctx context.Context, p *party) ([]*party, error) {
		err := p.unheard(ctx)
		return nil, errors.Join(err, pauseFor(ctx, pause))
	}},
	{"three tabs refresh at the same moment, and each goes on with its own answer", func(ctx context.Context, p *party) ([]*party, error) {
		tabs := []*party{p}
		for range 2 {
			other := *p
			tabs = append(tabs, &other)
		}
		errs := make([]error, len(tabs))
		var wg sync.WaitGroup
		for i, tab := range tabs {
			wg.Go(func() { errs[i] = tab.refresh(ctx) })
		}
		wg.Wait()
		return tabs[1:], errors.Join(errs...)
	}},
	{"of two answers the older one arrives last, and is the one that is kept", func(ctx context.Context, p *party) ([]*party, error) {
		second := *p
		return nil, errors.Join(p.refresh(ctx), second.refresh(ctx))
	}},
	{"a process refreshes twice at once while another still holds the token before, which then refreshes", func(ctx context.Context, p *party) ([]*party, error) {
		other := *p
		return []*party{&other}, errors.Join(p.refresh(ctx), p.refresh(ctx))
	}},
	{"the same, the two refreshes " + aged.String() + " apart, and the other one " + aged.String() + " later", func(ctx context.Context, p *party) ([]*party, error) {
		other := *p
		for range 2 {
			if err := errors.Join(p.refresh(ctx), pauseFor(ctx, aged)); err != nil {
				return nil, err
			}
		}
		return []*party{&other}, nil
	}},
	{"every request arrives twice, five times in a row", func(ctx context.Context, p *party) ([]*party, error) {
		for range 5 {
			if err := errors.Join(p.unheard(ctx), p.refresh(ctx)); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}},
}

func pauseFor(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tellHonest tells the story to each person, and has everybody refresh twice more.
func tellHonest(ctx context.Context, s server, story honestStory) (string, error) {
	outs, err := eachPerson(ctx, s, func(ctx context.Context, p *party) (out bool, err error) {
		others, err := story.tell(ctx, p)
		for range 2 {
			for _, one := range append([]*party{p}, others...) {
				err = errors.Join(err, one.refresh(ctx))
			}
			if errors.Is(err, errLoggedOut) {
				return true, nil
			}
			if err = errors.Join(err, pauseFor(ctx, aged)); err != nil {
				return false, err
			}
		}
		return false, nil
	})
	logouts := 0
	for _, out := range outs {
		if out {
			logouts++
		}
	}
	if logouts == 0 {
		return "nobody", err
	}
	return fmt.Sprintf("**%d of %d logged out**", logouts, peoplePerStory), err
}

// A thief story lets the thief and the owner begin, in the order in which they refresh with the token that was copied.
type thiefStory struct {
	name       string
	thiefFirst bool
	later      bool // the second comes a pause after the first, not within the same second
}

var thiefStories = []thiefStory{
	{"uses the copy " + pause.String() + " after the owner has refreshed", false, true},
	{"uses the copy first; the owner refreshes " + pause.String() + " later", true, true},
	{"uses the copy in the same second as the owner, after them", false, false},
}

// refusal says which of a thief's refreshes was refused, and how long after the theft; 0 when none was.
type refusal struct {
	try   int
	after time.Duration
}

// tellThief reports when the thieves were stopped. Both go on refreshing in turn, with a pause before each.
func tellThief(ctx context.Context, s server, story thiefStory) (string, error) {
	refusals, err := eachPerson(ctx, s, func(ctx context.Context, owner *party) (refusal, error) {
		thief := &party{s, owner.token}
		order := []*party{owner, thief}
		if story.thiefFirst {
			order = []*party{thief, owner}
		}
		theft, tries := time.Now(), 0
		for turn := 0; tries < thiefTries; turn++ {
			if turn > 1 || turn == 1 && story.later {
				if err := pauseFor(ctx, pause); err != nil {
					return refusal{}, err
				}
			}
			one := order[turn%2]
			if one == thief {
				tries++
			}
			err := one.refresh(ctx)
			if errors.Is(err, errLoggedOut) && one == thief {
				return refusal{tries, time.Since(theft)}, nil
			}
			if err != nil && !errors.Is(err, errLoggedOut) {
				return refusal{}, err
			}
		}
		return refusal{}, nil
	})
	return tellRefusals(refusals), err
}

var ordinals = []string{"", "first", "second", "third", "fourth"}

func tellRefusals(all []refusal) string {
	var said []string
	for try := range thiefTries + 1 {
		var latest time.Duration
		n := 0
		for _, r := range all {
			if r.try == try {
				n, latest = n+1, max(latest, r.after)
			}
		}
		switch {
		case n > 0 && try == 0:
			said = append(said, fmt.Sprintf("**%d not stopped**", n))
		case n > 0:
			said = append(said, fmt.Sprintf("%d at the %s, after %s", n, ordinals[try], latest.Round(time.Second)))
		}
	}
	return strings.Join(said, ", ")
}

// eachPerson begins sessions, lets their tokens age, and tells all of them at once.
func eachPerson[T any](ctx context.Context, s server, tell func(context.Context, *party) (T, error)) ([]T, error) {
	told, errs := make([]T, peoplePerStory), make([]error, peoplePerStory)
	var wg sync.WaitGroup
	for i := range told {
		wg.Go(func() {
			for range 2 { // a connection that broke is in no story: that one is told again, from its login on
				told[i], errs[i] = onePerson(ctx, s, tell)
				if broken := new(url.Error); ctx.Err() != nil || !errors.As(errs[i], &broken) {
					return
				}
			}
		})
	}
	wg.Wait()
	return told, errors.Join(errs...)
}

func onePerson[T any](ctx context.Context, s server, tell func(context.Context, *party) (T, error)) (told T, err error) {
	s.turn.Lock() // one login at a time: then no two people do anything at the same moment, which a story has not asked for
	token, err := s.session(ctx)
	s.turn.Unlock()
	if err == nil {
		err = pauseFor(ctx, aged)
	}
	if err == nil {
		told, err = tell(ctx, &party{s, token})
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", s.name, err)
	}
	return told, err
}
