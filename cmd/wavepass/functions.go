package main

import (
	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/endpoint/all"
	"github.com/wavepass/wavepass/pkg/keyring"
)

// functions are the same that functions/ deploys.
func (d data) functions(s endpoint.Settings) all.Functions {
	return all.New(s, d.store, func(string) keyring.Sealer { return d.sealer })
}

// behindGateway are the functions that the gateway calls, each by the name of its folder in functions/.
func behindGateway(f all.Functions) map[string]lambda.Handler {
	handlers := map[string]lambda.Handler{
		"authorizer": f.Authorizer,
	}
	for name, function := range f.BehindAPI {
		handlers[name] = behindAPI(function)
	}
	return handlers
}

// behindAPI is a function that the gateway calls with a request.
func behindAPI(f apigw.Function) lambda.Handler {
	return handler[events.APIGatewayV2HTTPRequest, events.APIGatewayV2HTTPResponse](f)
}
