package dynamo_test

import (
	"testing"

	"github.com/wavepass/wavepass/internal/faultproxy"
)

// TestTicketSurvivesALostAnswer: the SDK asks again, and the table knows that it is the same call. An outage uses the ticket up at the
// most, and lets nobody in.
func TestTicketSurvivesALostAnswer(t *testing.T) {
	w := newWorld(t, engine(t), newTable(t, engine(t)))
	for name, tc := range map[string]struct {
		fault  faultproxy.Fault
		times  int
		status int
	}{
		"lost reply": {faultproxy.DropResponse, 1, 200}, "lost request": {faultproxy.DropRequest, 1, 200}, "throttled twice": {faultproxy.Throttle, 2, 200},
		"three conflicts": {faultproxy.Conflict, 3, 200}, "throttled for ever": {faultproxy.Throttle, 0, 500}, "access denied": {faultproxy.AccessDenied, 0, 500},
	} {
		open := connectRequest(w.must(ticketRequest(w.login()), 200).Ticket)
		w.proxy.Inject(faultproxy.Rule{Operation: "UpdateItem", Key: "TICKET#", Fault: tc.fault, Times: tc.times})
		if got := w.send(t.Context(), open); got.status != tc.status {
			t.Errorf("%s: answered %d %s, want %d", name, got.status, got.body, tc.status)
		}
		w.proxy.Heal()
		if again := w.send(t.Context(), open); tc.status == 200 && again.status != 403 {
			t.Errorf("%s, once more: answered %d, want 403", name, again.status)
		}
	}
}
