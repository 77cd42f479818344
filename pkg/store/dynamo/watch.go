package dynamo

import (
	"context"

	"github.com/aws/smithy-go/middleware"
)

// watched tells called of each call.
func watched(called func(ctx context.Context, operation string) func(error)) []func(*middleware.Stack) error {
	if called == nil {
		return nil
	}
	watch := middleware.InitializeMiddlewareFunc("Watch", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
		out middleware.InitializeOutput, metadata middleware.Metadata, err error,
	) {
		ended := called(ctx, middleware.GetOperationName(ctx))
		out, metadata, err = next.HandleInitialize(ctx, in)
		ended(err)
		return out, metadata, err
	})
	return []func(*middleware.Stack) error{func(stack *middleware.Stack) error { return stack.Initialize.Add(watch, middleware.Before) }}
}
