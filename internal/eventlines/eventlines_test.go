package eventlines_test

import (
	"testing"

	"github.com/wavepass/wavepass/internal/eventlines"
)

func TestLineThatIsNotAsItsKindIsRefused(t *testing.T) {
	const sid = `"sid":"0190b0e4-7e00-7000-8000-00000000000a"`
	for line, ok := range map[string]bool{
		`{"event":"logged_out","request_id":"r","actor":"person","sub":"a",` + sid + `,"client_id":"app","kid":""}`:            true,
		`{"event":"logged_out","request_id":"r","actor":"person","sub":"a",` + sid + `,"client_id":"app","reason":"replaced"}`: true,
		`{"event":"logged_out","request_id":"r","actor":"person","sub":"a",` + sid + `,"client_id":""}`:                        false, // it lacks one
		`{"event":"logged_out","request_id":"r","actor":"person","sub":"a",` + sid + `,"client_id":"app","kid":"k"}`:           false, // it has one more
		`{"event":"logged_out","request_id":"r","actor":"operator:o","sub":"a",` + sid + `,"client_id":"app"}`:                 false, // somebody else
		`{"event":"logged_out","request_id":"r","actor":"","sub":"a",` + sid + `,"client_id":"app"}`:                           false, // nobody
		`{"event":"logged_in","request_id":"r","actor":"person"}`:                                                              false,
	} {
		l, err := eventlines.Read([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Judge(); (err == nil) != ok {
			t.Errorf("%s: %v, want it accepted: %t", line, err, ok)
		}
	}
}
