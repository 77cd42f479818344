package history_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/audit"
)

// problem is a promise that a history breaks.
type problem struct {
	rule string
	text string
}

// Promises.
const (
	linearizable  = "every session is linearizable"
	oneSuccessor  = "a generation has one successor"
	oneRotation   = "a generation is rotated once"
	revokedInTime = "what was revoked is refused within the bound"
	honestStayIn  = "no honest user is logged out"
	noStrangers   = "an operation fails only as it may"
)

// problems looks for broken promises in what was recorded.
func (w *world) problems() []problem {
	var found []problem
	for _, text := range w.log.strange {
		found = append(found, problem{noStrangers, text})
	}
	found = append(found, w.checkSessions()...)
	found = append(found, w.checkSuccessors()...)
	found = append(found, w.checkRotations()...)
	found = append(found, w.checkBound()...)
	return append(found, w.checkHonest()...)
}

// sessions returns the operations on each session, those on its account among them, in the order of calls.
func (w *world) sessions() map[uuid.UUID][]record {
	sessions := map[uuid.UUID][]record{}
	for _, r := range w.log.records {
		if r.session != uuid.Nil {
			sessions[r.session] = append(sessions[r.session], r)
		}
	}
	for id, records := range sessions {
		first := slices.IndexFunc(records, func(r record) bool { return r.in.kind == login })
		if first < 0 {
			panic("a session that nobody began: " + id.String())
		}
		for _, r := range w.log.records {
			// What was over before the login does not concern the session.
			if r.session == uuid.Nil && r.account == records[0].account && r.ret > records[first].call {
				records = append(records, r)
			}
		}
		slices.SortFunc(records, func(a, b record) int { return int(a.call - b.call) })
		sessions[id] = records
	}
	return sessions
}

// endedTokens are the access tokens that were handed in, or may have been.
func (w *world) endedTokens() map[string]bool {
	ended := map[string]bool{}
	for _, r := range w.log.records {
		if r.in.kind == endToken {
			ended[r.tokenID] = true
		}
	}
	return ended
}

func (w *world) checkSessions() (found []problem) {
	ended, model := w.endedTokens(), sessionModel()
	for id, records := range w.sessions() {
		var history []porcupine.Operation
		for _, r := range records {
			switch {
			case r.in.kind == endToken:
				continue
			case r.in.kind == authorize && (r.staleness > 0 || r.out.outcome == refused && ended[r.tokenID]):
				continue // may be behind; or says nothing about the session
			}
			history = append(history, porcupine.Operation{
				ClientId: r.client, Input: r.in, Output: r.out, Call: r.call, Return: r.ret,
			})
		}
		switch porcupine.CheckOperationsTimeout(model, history, 20*time.Second) {
		case porcupine.Illegal:
			found = append(found, problem{linearizable, "session " + id.String() + text(records)})
		case porcupine.Unknown:
			found = append(found, problem{linearizable, fmt.Sprintf("session %s: %d operations were too many to check", id, len(history))})
		}
	}
	return found
}

// text lists operations with the times of call and return, as many as one can read.
func text(records []record) string {
	var b strings.Builder
	for i, r := range records {
		if i == 80 {
			fmt.Fprintf(&b, "\n  and %d more", len(records)-i)
			break
		}
		fmt.Fprintf(&b, "\n  %6d to %6d, client %2d, %s", r.call, r.ret, r.client, describe(r.in, r.out))
	}
	return b.String()
}

// generation is one generation of one session.
type generation struct {
	session string
	number  uint32
}

func (w *world) checkSuccessors() (found []problem) {
	successors := map[generation]string{}
	for _, r := range w.log.records {
		if r.successor == "" {
			continue
		}
		g := generation{r.session.String(), r.in.generation}
		if other, known := successors[g]; known && other != r.successor {
			found = append(found, problem{oneSuccessor, fmt.Sprintf("session %s: two successors of generation %d", g.session, g.number)})
		}
		successors[g] = r.successor
	}
	return found
}

// events are the lines of the audit trail.
func (w *world) events() (events []audit.Event) {
	for line := range strings.Lines(w.trail.String()) {
		var e audit.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			panic(err)
		}
		events = append(events, e)
	}
	return events
}

func (w *world) checkRotations() (found []problem) {
	rotations := map[generation]int{}
	for _, e := range w.events() {
		if e.Name == audit.Refresh {
			rotations[generation{e.SessionID, e.Generation}]++
		}
	}
	for g, n := range rotations {
		if n > 1 {
			found = append(found, problem{oneRotation, fmt.Sprintf("session %s: generation %d was rotated %d times", g.session, g.number, n)})
		}
	}
	return found
}

// checkBound compares every success with what had been acknowledged before it was asked for.
func (w *world) checkBound() (found []problem) {
	for id, records := range w.sessions() {
		begun := records[slices.IndexFunc(records, func(r record) bool { return r.in.kind == login })].ret
		var endings []record // acknowledged
		for _, r := range records {
			switch {
			case r.out.outcome != ok:
			case r.in.kind == end, r.in.kind == endAll && r.call > begun, r.in.kind == endToken:
				endings = append(endings, r)
			}
		}
		for _, r := range records {
			if r.out.outcome != ok || r.in.kind != refresh && r.in.kind != authorize {
				continue
			}
			for _, e := range endings {
				if e.in.kind == endToken && e.tokenID != r.tokenID {
					continue
				}
				if r.call > e.ret && r.in.at >= e.in.at+r.staleness {
					found = append(found, problem{revokedInTime, fmt.Sprintf("session %s, staleness %s:%s", id, r.staleness, text([]record{e, r}))})
				}
			}
		}
	}
	return found
}

// checkHonest looks for refusals of honest clients whose persons had not even begun to end the session.
func (w *world) checkHonest() (found []problem) {
	ended := w.endedTokens()
	for id, records := range w.sessions() {
		for _, r := range records {
			if !r.honest || r.out.outcome != refused || r.in.kind == authorize && ended[r.tokenID] {
				continue
			}
			own := slices.ContainsFunc(records, func(e record) bool {
				return (e.in.kind == end || e.in.kind == endAll) && e.call < r.ret
			})
			if !own {
				found = append(found, problem{honestStayIn, fmt.Sprintf("session %s: %s%s", id, describe(r.in, r.out), text(records))})
				break
			}
		}
	}
	return found
}
