// The function that TestSAMOwnRoutesThroughStartLambda runs in a container: it answers with the event that it got.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() { lambda.Start(answer) }

func answer(ctx context.Context, event json.RawMessage) (any, error) {
	var request events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(event, &request); err != nil {
		return nil, err
	}
	switch request.PathParameters["id"] {
	case "error":
		return nil, errors.New("the function says no")
	case "panic":
		panic("the function panics")
	case "slow":
		<-ctx.Done() // longer than its Timeout
		time.Sleep(time.Minute)
	case "bytes":
		return events.APIGatewayV2HTTPResponse{StatusCode: 200, Body: "//4A", IsBase64Encoded: true, Headers: map[string]string{"Content-Type": "image/x"}}, nil
	case "huge":
		return events.APIGatewayV2HTTPResponse{StatusCode: 200, Body: strings.Repeat("a", 7<<20)}, nil
	}
	return events.APIGatewayV2HTTPResponse{
		StatusCode: 201, Body: string(event), Headers: map[string]string{"Content-Type": "application/json"},
		Cookies: []string{"a=1; Path=/", "b=2; Path=/"},
	}, nil
}
