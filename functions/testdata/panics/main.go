// Command panics is the login function over a table whose code panics, for the tests of functions.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/functions/internal/boot/sealer"
	"github.com/wavepass/wavepass/functions/internal/boot/table"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint/login"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

// panicking panics in the method that PANICS_IN names.
type panicking struct{ *dynamo.Store }

func (t panicking) Client(ctx context.Context, id string) (client.Client, error) {
	panicIn("Client")
	return t.Store.Client(ctx, id)
}

func (t panicking) LoginName(ctx context.Context, username string) (account.LoginName, error) {
	panicIn("LoginName")
	return t.Store.LoginName(ctx, username)
}

func panicIn(method string) {
	if os.Getenv("PANICS_IN") == method {
		var none []string
		_ = none[len(method)]
	}
}

func main() {
	e := boot.Read()
	lambda.Start(login.New(e.SettingsBehindAPI(), panicking{table.Open(e)}, sealer.Open(e)))
}
