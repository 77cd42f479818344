package faultproxy

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

// Fault is what happens to a call instead of being passed on. A test may write its own from the methods of
// Exchange; one that answers nothing leaves the caller with an empty success.
type Fault func(*Exchange)

// Exchange is one call while it is under way.
type Exchange struct {
	Call Call

	proxy    *Proxy
	w        http.ResponseWriter
	request  *http.Request
	body     []byte
	finished bool
}

// Response is an answer as it is on the wire.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Faults. Names of exceptions are DynamoDB's; Refuse gives KMS its own.
var (
	// DropRequest closes the connection; the table never sees the call.
	DropRequest Fault = (*Exchange).HangUp

	// DropResponse lets the table carry out the call and closes the connection instead of answering.
	DropResponse Fault = func(e *Exchange) {
		_, _ = e.Forward()
		e.HangUp()
	}

	// Hang answers nothing until the caller gives up.
	Hang Fault = func(e *Exchange) {
		<-e.request.Context().Done()
		e.HangUp()
	}

	Throttle      = Refuse(http.StatusBadRequest, "ProvisionedThroughputExceededException")
	InternalError = Refuse(http.StatusInternalServerError, "InternalServerError")
	AccessDenied  = Refuse(http.StatusBadRequest, "AccessDeniedException")
	TableMissing  = Refuse(http.StatusBadRequest, "ResourceNotFoundException")

	// Conflict says that a transaction is under way on the item: TransactionConflictException, or for a
	// transaction itself TransactionCanceledException with that reason for its first write.
	Conflict Fault = func(e *Exchange) {
		if e.Call.Operation != "TransactWriteItems" {
			e.refuse(http.StatusBadRequest, "TransactionConflictException", nil)
			return
		}
		reasons := make([]map[string]string, len(e.Call.Accesses))
		for i := range reasons {
			reasons[i] = map[string]string{"Code": "None"}
		}
		reasons[0] = map[string]string{"Code": "TransactionConflict"}
		e.refuse(http.StatusBadRequest, "TransactionCanceledException", map[string]any{"CancellationReasons": reasons})
	}

	// Stale answers a read that does not ask for strong consistency with the answer that the table gave last to
	// the same request (other times in it aside): in force from the beginning, with the first answer for ever.
	// Without an earlier one the call is passed on, and so is one that asks, as by the real table.
	Stale Fault = func(e *Exchange) {
		if answer, ok := e.proxy.earlier(e.Call); ok && !e.Call.Consistent {
			e.Reply(answer)
			return
		}
		e.Pass()
	}
)

// Delay passes the call on after d, so that calls that are made at once are seen to overlap.
func Delay(d time.Duration) Fault {
	return func(e *Exchange) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			e.Pass()
		case <-e.request.Context().Done():
			e.HangUp()
		}
	}
}

// Forward has the table carry out the call.
func (e *Exchange) Forward() (Response, error) { return e.proxy.send(e.request, e.body) }

// Reply answers the call.
func (e *Exchange) Reply(r Response) {
	e.finish()
	for name, values := range r.Header {
		e.w.Header()[name] = values
	}
	e.w.WriteHeader(r.Status)
	_, _ = e.w.Write(r.Body)
}

// HangUp closes the connection without an answer.
func (e *Exchange) HangUp() {
	e.finish()
	if conn, _, err := http.NewResponseController(e.w).Hijack(); err == nil {
		_ = conn.Close()
	}
}

// Pass has the table carry out the call, and answers what it answers.
func (e *Exchange) Pass() {
	answer, err := e.Forward()
	if err != nil {
		e.HangUp()
		return
	}
	e.proxy.remember(e.Call, answer)
	e.Reply(answer)
}

// finish records the call before its end can be noticed: a caller that goes on at once with another call
// must not seem to have made both at a time.
func (e *Exchange) finish() {
	if e.finished || e.Call.Operation == "" {
		return
	}
	e.finished = true
	e.Call.End = time.Now()
	e.proxy.record(e.Call)
}

// Refuse answers with an exception by its name.
func Refuse(status int, code string) Fault {
	return func(e *Exchange) { e.refuse(status, code, nil) }
}

func (e *Exchange) refuse(status int, code string, more map[string]any) {
	kind, mediaType := "com.amazonaws.dynamodb.v20120810#"+code, "application/x-amz-json-1.0"
	if e.Call.kms {
		kind, mediaType = code, "application/x-amz-json-1.1"
	}
	out := map[string]any{"__type": kind, "message": "injected " + code}
	for name, value := range more {
		out[name] = value
	}
	var body bytes.Buffer
	_ = json.NewEncoder(&body).Encode(out) // texts and lists of texts only: never fails
	e.Reply(Response{status, http.Header{"Content-Type": {mediaType}}, body.Bytes()})
}
