package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

var (
	// errFailed says that a function returned an error, panicked or ran out of its own time.
	errFailed = errors.New("function failed")
	// errTooLarge says that Lambda would not take the event.
	errTooLarge = errors.New("event too large")
	// errUnreachable says that where a function runs nobody answers.
	errUnreachable = errors.New("where the function runs, nobody answers")
	// errTooLate says that the gateway's own time is up.
	errTooLate = errors.New("too late")
)

// call invokes a function as Lambda does: in its own goroutine, which is left behind when the time is up.
func (g *gateway) call(ctx context.Context, f *Function, limit time.Duration, requestID string, event any) ([]byte, error) {
	payload, err := json.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("gateway: encode event: %w", err)
	}
	if len(payload) > maxEvent {
		return nil, errTooLarge
	}
	type outcome struct {
		answer []byte
		err    error
	}
	done := make(chan outcome, 1)
	inner, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	inner = lambdacontext.NewContext(inner, &lambdacontext.LambdaContext{
		AwsRequestID:       requestID,
		InvokedFunctionArn: fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", region, accountID, f.Name),
	})
	log := g.log.With("function", f.Name, "request_id", requestID)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				log.Error("function panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				done <- outcome{err: errFailed}
			}
		}()
		answer, err := f.handler(g.handlers).Invoke(inner, payload)
		if err != nil {
			log.Error("function failed", "error", err.Error())
			if !errors.Is(err, errUnreachable) {
				err = errFailed
			}
		}
		if len(answer) > maxEvent {
			log.Error("function's answer is larger than the 6 MB that Lambda gives back", "bytes", len(answer))
			answer, err = nil, errFailed
		}
		done <- outcome{answer, err}
	}()
	select {
	case o := <-done:
		return o.answer, o.err
	case <-inner.Done():
	}
	if ctx.Err() != nil {
		log.Error("the gateway's time is up", "limit", g.limit)
		return nil, errTooLate
	}
	log.Error("function timed out", "limit", limit.String())
	return nil, errFailed
}

// authorize asks a Lambda authorizer. The status is 200 when the request may go on; otherwise the reason is for the log.
func (g *gateway) authorize(ctx context.Context, a authorizer, common request, header http.Header) (granted *authorizerContext, status int, reason string) {
	event, complete := newAuthorizerEvent(common, a, header)
	if !complete {
		return nil, http.StatusUnauthorized, "an identity source of the authorizer is missing: " + strings.Join(a.headers, ", ")
	}
	id := common.RequestContext.RequestID
	answer, err := g.call(ctx, a.function, min(a.function.Timeout, authorizerTime), id, event)
	if err != nil {
		return nil, http.StatusInternalServerError, "the authorizer: " + err.Error()
	}
	granted, allowed, err := readVerdict(answer)
	switch {
	case err != nil:
		g.log.Error("authorizer's answer not understood", "function", a.function.Name, "request_id", id, "error", err.Error())
		return nil, http.StatusInternalServerError, "the authorizer's answer"
	case !allowed:
		return nil, http.StatusForbidden, "the authorizer said no"
	}
	return granted, http.StatusOK, ""
}

// readVerdict reads a simple response. Names have to match exactly, and isAuthorized has to be a boolean:
// what is not clearly a yes is never one.
func readVerdict(answer []byte) (granted *authorizerContext, allowed bool, err error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(answer, &fields); err != nil || fields == nil {
		return nil, false, errors.New("not a JSON object")
	}
	switch string(fields["isAuthorized"]) {
	case "true":
	case "false":
		return nil, false, nil
	default:
		return nil, false, errors.New("isAuthorized is not true or false")
	}
	granted = &authorizerContext{Lambda: fields["context"]}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(orNull(granted.Lambda), &members); err != nil {
		return nil, false, errors.New("context is not an object")
	}
	return granted, true, nil
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}
