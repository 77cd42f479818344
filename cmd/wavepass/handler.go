package main

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-lambda-go/lambda"
)

// handler calls a function with an event as the Lambda runtime does. lambda.NewHandler does not serve here: what
// its Invoke returns lies in a buffer that the next call, perhaps for somebody else, writes over.
type handler[E, A any] func(context.Context, E) (A, error)

var _ lambda.Handler = handler[any, any](nil)

// Invoke implements lambda.Handler.
func (h handler[E, A]) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event E
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, err
	}
	answer, err := h(ctx, event)
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}
