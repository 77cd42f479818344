// Command password is the Lambda function of POST /password.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/pkg/endpoint/password"
)

func main() {
	cfg := boot.Config()
	lambda.Start(password.New(boot.Gateway(cfg), password.Parts{
		Store:  boot.Table(cfg),
		Limits: boot.Limits(cfg),
		Trail:  boot.Trail(),
		Now:    time.Now,
	}))
}
