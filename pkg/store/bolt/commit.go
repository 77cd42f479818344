package bolt

import (
	"context"
	"errors"
	"slices"
	"sync"

	"go.etcd.io/bbolt"
)

// mostTogether bounds what one commit holds, and so how often a transaction is run again because others beside it fail.
const mostTogether = 64

// A committer writes what waits at the same time in one commit. A commit waits for the disk twice, however little it
// writes, so writers side by side share that wait; one writer alone never waits for others to come.
type committer struct {
	db *bbolt.DB

	mu      sync.Mutex
	writing bool           // somebody commits, and will call the first of those who wait
	waiting []*transaction // in the order of their coming
}

// transaction is what one caller writes.
type transaction struct {
	ctx  context.Context
	do   func(*bbolt.Tx) error
	wake chan state // has room for one, so that nobody waits for the caller
	err  error      // once it is settled
}

// state is what a caller is woken with.
type state int

const (
	settled state = iota // err is the answer
	refused              // it failed beside others: its caller runs it again, alone
	next                 // its caller commits for all who wait
)

// write runs do and returns once what it wrote is on the disk, or was left out because do failed. do may run several times,
// each time as if for the first: what it wrote before was undone.
func (c *committer) write(ctx context.Context, do func(*bbolt.Tx) error) error {
	t := &transaction{ctx: ctx, do: do, wake: make(chan state, 1)}
	woken := c.wait(t)
	if woken == next {
		c.commitThoseWhoWait()
		woken = <-t.wake
	}
	if woken == refused {
		return c.db.Update(t.run)
	}
	return t.err
}

// wait returns once there is something to do for the caller of t: at once when nobody is writing.
func (c *committer) wait(t *transaction) state {
	c.mu.Lock()
	c.waiting = append(c.waiting, t)
	first := !c.writing
	c.writing = true
	c.mu.Unlock()
	if first {
		return next
	}
	return <-t.wake
}

// commitThoseWhoWait commits those who have waited longest, the caller among them, and calls the first of the others.
func (c *committer) commitThoseWhoWait() {
	c.mu.Lock()
	n := min(len(c.waiting), mostTogether)
	together := slices.Clone(c.waiting[:n])
	c.waiting = slices.Delete(c.waiting, 0, n)
	c.mu.Unlock()

	defer func() { // also when the database panics because the file is damaged
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.writing = len(c.waiting) > 0; c.writing {
			c.waiting[0].wake <- next
		}
	}()
	c.commit(together)
}

// commit writes all of them in one commit, but those that fail. Nobody's failure is another's: all is undone, and those
// before and behind the one that failed are run again without it.
func (c *committer) commit(together []*transaction) {
	left := together
	var failed []*transaction
	defer func() { // once the others are written; and a panic leaves somebody behind
		for _, t := range slices.Concat(failed, left) {
			t.wake <- refused
		}
	}()
	for len(left) > 0 {
		done := 0
		err := c.db.Update(func(tx *bbolt.Tx) error {
			for ; done < len(left); done++ {
				if err := left[done].try(tx); err != nil {
					return err
				}
			}
			return nil
		})
		switch {
		case done == len(left): // err is of the commit
			for _, t := range left {
				t.settle(err)
			}
			left = nil
		case done == 0 && !errors.Is(err, errPanicked): // it saw nothing that was undone
			left[0].settle(err)
			left = left[1:]
		default:
			failed = append(failed, left[done])
			left = slices.Delete(left, done, done+1)
		}
	}
}

func (t *transaction) settle(err error) {
	t.err = err
	t.wake <- settled
}

// run asks the context once it is the turn of the transaction, because waiting for the writers before it takes time.
func (t *transaction) run(tx *bbolt.Tx) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	return t.do(tx)
}

var errPanicked = errors.New("panicked")

// try is run for a caller that is not the one on whose goroutine this is.
func (t *transaction) try(tx *bbolt.Tx) (err error) {
	defer func() {
		if recover() != nil {
			err = errPanicked
		}
	}()
	return t.run(tx)
}
