package history_test

import (
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// moment is one operation of a history that is written by hand.
type moment struct {
	call, ret int64
	in        input
	out       output
}

// seq is operations one after the other.
func seq(moments ...moment) []moment {
	for i := range moments {
		moments[i].call, moments[i].ret = int64(2*i), int64(2*i+1)
	}
	return moments
}

func do(k kind, o outcome) moment { return moment{in: input{kind: k}, out: output{outcome: o}} }

// with is a refresh with generation g by a client that may retry late, at so many seconds.
func with(g uint32, seconds int, o outcome, got uint32) moment {
	return moment{
		in:  input{kind: refresh, generation: g, at: time.Duration(seconds) * time.Second, late: 2},
		out: output{o, got},
	}
}

// halfOf is the first half of a refused refresh with generation g, at so many seconds.
func halfOf(g uint32, seconds int) moment {
	return moment{in: input{kind: mayRotate, generation: g, at: time.Duration(seconds) * time.Second}, out: output{outcome: unknown}}
}

// strictly is a refresh by a client that may not.
func strictly(m moment) moment {
	m.in.late = 0
	return m
}

// between gives an operation other times than its neighbours'.
func between(m moment, call, ret int64) moment {
	m.call, m.ret = call, ret
	return m
}

func TestModelTellsRightHistoriesFromWrongOnes(t *testing.T) {
	begun := do(login, ok)
	for name, test := range map[string]struct {
		history []moment
		want    bool
	}{
		"rotations":                        {seq(begun, with(0, 1, ok, 1), with(1, 2, ok, 2)), true},
		"two rotations of one generation":  {seq(begun, with(0, 1, ok, 1), with(0, 2, ok, 2)), false},
		"a race gets the same":             {seq(begun, with(0, 1, ok, 1), with(0, 2, ok, 1)), true},
		"a race is refused":                {seq(begun, with(0, 1, ok, 1), with(0, 60, refused, 0)), false},
		"an old token is accepted":         {seq(begun, with(0, 1, ok, 1), with(1, 2, ok, 2), with(0, 3, ok, 1)), false},
		"an old token ends the session":    {seq(begun, with(0, 1, ok, 1), with(1, 2, ok, 2), with(0, 3, refused, 0), with(2, 4, refused, 0)), true},
		"a session outlives an old token":  {seq(begun, with(0, 1, ok, 1), with(1, 2, ok, 2), with(0, 3, refused, 0), with(2, 4, ok, 3)), false},
		"late where it is allowed":         {seq(begun, with(0, 1, ok, 1), with(0, 100, ok, 1)), true},
		"late where it is not":             {seq(begun, strictly(with(0, 1, ok, 1)), strictly(with(0, 100, ok, 1))), false},
		"late where it is not, refused":    {seq(begun, strictly(with(0, 1, ok, 1)), strictly(with(0, 100, refused, 0))), true},
		"late again, in its own window":    {seq(begun, with(0, 1, ok, 1), with(0, 100, ok, 1), with(0, 150, ok, 1)), true},
		"late for the third time":          {seq(begun, with(0, 1, ok, 1), with(0, 100, ok, 1), with(0, 200, ok, 1), with(0, 300, ok, 1)), false},
		"the third time, refused":          {seq(begun, with(0, 1, ok, 1), with(0, 100, ok, 1), with(0, 200, ok, 1), with(0, 300, refused, 0)), true},
		"clocks apart, inside":             {seq(begun, strictly(with(0, 1, ok, 1)), strictly(with(0, 63, ok, 1))), true},
		"clocks apart, outside":            {seq(begun, strictly(with(0, 1, ok, 1)), strictly(with(0, 63, refused, 0))), true},
		"a lost rotation happened":         {seq(begun, with(0, 1, unknown, 0), with(1, 2, ok, 2)), true},
		"a lost rotation did not":          {seq(begun, with(0, 1, unknown, 0), with(0, 100, ok, 1), with(0, 101, ok, 1)), true},
		"one lost rotation, two happened":  {seq(begun, with(0, 1, unknown, 0), with(2, 2, ok, 3)), false},
		"success after a logout":           {seq(begun, do(end, ok), with(0, 1, ok, 1)), false},
		"success after a lost logout":      {seq(begun, do(end, unknown), with(0, 1, ok, 1)), true},
		"success after a logout of all":    {seq(begun, do(endAll, ok), do(authorize, ok)), false},
		"a login after a logout of all":    {seq(do(endAll, ok), begun, do(authorize, ok)), true},
		"a logout of all, repeated":        {seq(begun, do(endAll, ok), do(mayEndAll, ok)), true},
		"the same, refused":                {seq(begun, do(endAll, ok), do(mayEndAll, refused)), false},
		"a logout of all after one's own":  {seq(begun, do(end, ok), do(mayEndAll, ok)), false},
		"authorized, then not, then again": {seq(begun, do(end, unknown), do(authorize, refused), do(authorize, ok)), false},
		"refused for no reason":            {seq(begun, do(authorize, refused)), false},
		"another client's token works":     {seq(begun, do(foreign, ok)), false},
		"another client does no harm":      {seq(begun, do(foreign, refused), with(0, 1, ok, 1)), true},
		"an old token may end all":         {seq(begun, with(0, 1, ok, 1), with(1, 2, ok, 2), do(mayEndAll, ok)), false},
		"the newest token may not end all": {seq(begun, do(mayEndAll, refused)), false},
		"a refused refresh had rotated": {[]moment{between(begun, 0, 1), between(with(0, 1, ok, 1), 2, 3),
			between(halfOf(1, 100), 4, 9), between(with(1, 100, refused, 0), 4, 9), between(with(0, 100, refused, 0), 5, 6), between(do(endAll, ok), 7, 8)}, true},
		"a refused refresh had not rotated": {[]moment{between(begun, 0, 1), between(with(0, 1, ok, 1), 2, 3),
			between(halfOf(1, 100), 4, 9), between(with(1, 100, refused, 0), 4, 9), between(with(0, 100, ok, 1), 5, 6), between(do(endAll, ok), 7, 8)}, true},
		"a refused refresh that nothing ended": {seq(begun, halfOf(0, 1), with(0, 1, refused, 0)), false},
		"half a refresh of an older token":     {seq(begun, with(0, 1, ok, 1), with(1, 2, ok, 2), halfOf(1, 3), with(2, 4, ok, 3)), true},
		"half a refresh of it that rotated":    {seq(begun, with(0, 1, ok, 1), with(1, 2, ok, 2), halfOf(1, 3), with(3, 4, ok, 4)), false},
		"success while a logout runs":          {append(seq(begun, with(0, 1, ok, 1)), between(do(end, ok), 2, 9)), true},
		"two tabs, two successors": {[]moment{between(begun, 0, 1), between(with(0, 1, ok, 1), 2, 5),
			between(with(0, 1, ok, 2), 3, 4)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var history []porcupine.Operation
			for _, m := range test.history {
				history = append(history, porcupine.Operation{Input: m.in, Output: m.out, Call: m.call, Return: m.ret})
			}
			if got := porcupine.CheckOperations(sessionModel(), history); got != test.want {
				t.Errorf("linearizable: %v, want %v", got, test.want)
				for _, m := range test.history {
					t.Log(describe(m.in, m.out))
				}
			}
		})
	}
}
