// Command password is the Lambda function of POST /password.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/functions/internal/boot/sealer"
	"github.com/wavepass/wavepass/functions/internal/boot/table"
	"github.com/wavepass/wavepass/pkg/endpoint/password"
)

func main() {
	e := boot.Read()
	lambda.Start(password.New(e.SettingsBehindAPI(), table.Open(e), sealer.Open(e)))
}
