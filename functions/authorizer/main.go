// Command authorizer is the Lambda authorizer of protected routes.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/pkg/endpoint/authorizer"
)

func main() {
	cfg := boot.Config()
	lambda.Start(authorizer.New(boot.Gateway(cfg), authorizer.Parts{
		Store:     boot.Table(cfg),
		Staleness: cfg.Staleness,
		KeyTimes:  boot.KeyTimes(cfg),
		Now:       time.Now,
	}))
}
