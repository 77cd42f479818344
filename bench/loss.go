package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

const (
	peoplePerStory = 5
	pause          = 75 * time.Second // longer than any window in which a token may come twice, with what is allowed for clocks that differ
	thiefTries     = 4
)

// loss sends every server the same stories of refreshes that get lost, come twice, late or in another order, and of thieves.
func (l *lab) loss(ctx context.Context) (result, error) {
	servers, err := l.servers("")
	if err != nil {
		return result{}, err
	}
	r := result{comparison: comparison{
		name: "loss", title: "Refresh under loss, and thieves",
		text: fmt.Sprintf("Each server at its defaults, the same requests to its token endpoint (RFC 6749 §6), %d people a story. The first lines are people who have done nothing wrong: how many of them have to log in again, "+
			"though nobody stole anything. The others have had a refresh token copied: how many thieves are stopped, and with which of their refreshes. Thief and owner take turns, %s apart.", peoplePerStory, pause),
	}, table: [][]string{{"story"}}}
	for _, s := range servers {
		r.table[0] = append(r.table[0], s.name)
	}
	cells := make([][]string, len(honestStories)+len(thiefStories))
	errs := make([]error, len(cells)*len(servers))
	var wg sync.WaitGroup
	for i := range cells {
		cells[i] = make([]string, len(servers))
		for j, s := range servers {
			wg.Go(func() {
				if i < len(honestStories) {
					cells[i][j], errs[i*len(servers)+j] = tellHonest(ctx, s, honestStories[i])
					return
				}
				cells[i][j], errs[i*len(servers)+j] = tellThief(ctx, s, thiefStories[i-len(honestStories)])
			})
		}
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
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

// party is an application that has a refresh token, or believes so.
type party struct {
	server server
	token  string
}

// refresh takes the answer's token. It reports whether the server has refused, after which a person has to log in.
func (p *party) refresh(ctx context.Context) (out bool, err error) {
	next, err := p.server.refresh(ctx, p.token)
	if errors.As(err, &refused{}) {
		return true, nil
	}
	if err == nil {
		p.token = next
	}
	return false, err
}

// unheard sends a refresh whose answer nobody gets.
func (p *party) unheard(ctx context.Context) error {
	_, err := p.server.refresh(ctx, p.token)
	if errors.As(err, &refused{}) {
		return nil
	}
	return err
}

// An honest story is what happens to a person with a fresh session. It returns everybody who then goes on with a token of theirs.
type honestStory struct {
	name string
	tell func(ctx context.Context, first *party) ([]*party, error)
}

var honestStories = []honestStory{
	{"nothing happens", func(context.Context, *party) ([]*party, error) { return nil, nil }},
	{"an answer is lost; the application asks again at once", func(ctx context.Context, p *party) ([]*party, error) {
		return nil, p.unheard(ctx)
	}},
	{"an answer is lost; the application asks again after " + pause.String(), func(ctx context.Context, p *party) ([]*party, error) {
		err := p.unheard(ctx)
		return nil, errors.Join(err, wait(ctx))
	}},
	{"two tabs refresh at the same moment, and each goes on with its own answer", func(ctx context.Context, p *party) ([]*party, error) {
		other := *p
		outs, errs := [2]bool{}, [2]error{}
		var wg sync.WaitGroup
		for i, tab := range []*party{p, &other} {
			wg.Go(func() { outs[i], errs[i] = tab.refresh(ctx) })
		}
		wg.Wait()
		if outs[0] || outs[1] {
			return nil, errors.Join(errLoggedOut, errs[0], errs[1])
		}
		return []*party{&other}, errors.Join(errs[:]...)
	}},
	{"of two answers the older one arrives last, and is the one that is kept", func(ctx context.Context, p *party) ([]*party, error) {
		overtaken, err := p.server.refresh(ctx, p.token)
		if err != nil {
			return nil, err
		}
		second := *p
		out, err := second.refresh(ctx)
		if out {
			return nil, errLoggedOut
		}
		p.token = overtaken
		return nil, err
	}},
	{"a process refreshes twice while another still holds the token before, which then refreshes", func(ctx context.Context, p *party) ([]*party, error) {
		other := *p
		for range 2 {
			if out, err := p.refresh(ctx); out || err != nil {
				return nil, errors.Join(err, errLoggedOut)
			}
		}
		return []*party{&other}, nil
	}},
	{"every request arrives twice, five times in a row", func(ctx context.Context, p *party) ([]*party, error) {
		for range 5 {
			if err := p.unheard(ctx); err != nil {
				return nil, err
			}
			if out, err := p.refresh(ctx); out || err != nil {
				return nil, errors.Join(err, errLoggedOut)
			}
		}
		return nil, nil
	}},
}

var errLoggedOut = errors.New("logged out")

func wait(ctx context.Context) error {
	select {
	case <-time.After(pause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tellHonest tells the story to each person, and has everybody refresh twice more.
func tellHonest(ctx context.Context, s server, story honestStory) (string, error) {
	logouts := 0
	outs, err := eachPerson(ctx, s, func(ctx context.Context, p *party) (int, error) {
		others, err := story.tell(ctx, p)
		if errors.Is(err, errLoggedOut) {
			return 1, nil
		}
		if err != nil {
			return 0, err
		}
		for range 2 {
			for _, who := range append([]*party{p}, others...) {
				if out, err := who.refresh(ctx); out || err != nil {
					return 1, err
				}
			}
			if err := wait(ctx); err != nil {
				return 0, err
			}
		}
		return 0, nil
	})
	for _, out := range outs {
		logouts += out
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

// tellThief reports with which of their refreshes the thieves were stopped. Both go on refreshing in turn, with a pause before each.
func tellThief(ctx context.Context, s server, story thiefStory) (string, error) {
	const never = thiefTries + 1
	stoppedAt, err := eachPerson(ctx, s, func(ctx context.Context, owner *party) (int, error) {
		thief := &party{s, owner.token}
		order := []*party{owner, thief}
		if story.thiefFirst {
			order = []*party{thief, owner}
		}
		tries := 0
		for round := 0; tries < thiefTries; round++ {
			for i, who := range order {
				if atOnce := round == 0 && (i == 0 || !story.later); !atOnce {
					if err := wait(ctx); err != nil {
						return 0, err
					}
				}
				if who == thief {
					tries++
				}
				out, err := who.refresh(ctx)
				if err != nil {
					return 0, err
				}
				if out && who == thief {
					return tries, nil
				}
			}
		}
		return never, nil
	})
	counts := map[int]int{}
	for _, at := range stoppedAt {
		counts[at]++
	}
	var said []string
	for at, what := range []string{"", "the first refused", "stopped at the second", "stopped at the third", "stopped at the fourth", "**not stopped**"} {
		if counts[at] > 0 {
			said = append(said, fmt.Sprintf("%d: %s", counts[at], what))
		}
	}
	return strings.Join(said, ", "), err
}

// eachPerson begins sessions and tells all of them at once.
func eachPerson(ctx context.Context, s server, tell func(context.Context, *party) (int, error)) ([]int, error) {
	numbers, errs := make([]int, peoplePerStory), make([]error, peoplePerStory)
	var wg sync.WaitGroup
	for i := range numbers {
		wg.Go(func() {
			token, err := s.session(ctx)
			if err == nil {
				err = wait(ctx) // a token of a moment ago may be answered with itself, which would make every story an easy one
			}
			if err == nil {
				numbers[i], err = tell(ctx, &party{s, token})
			}
			if err != nil {
				errs[i] = fmt.Errorf("%s: %w", s.name, err)
			}
		})
	}
	wg.Wait()
	return numbers, errors.Join(errs...)
}
