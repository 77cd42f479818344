// Command refresh is the Lambda function of POST /refresh.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/endpoint/refresh"
	"github.com/wavepass/wavepass/pkg/keyring"
)

func main() {
	cfg := boot.Config()
	lambda.Start(refresh.New(boot.Gateway(cfg), refresh.Parts{
		Store:     boot.Table(cfg),
		Sealer:    boot.Sealer(cfg),
		Algorithm: keyring.Algorithm(cfg.SigningAlg),
		KeyTimes:  boot.KeyTimes(cfg),
		Grace:     cfg.Grace,
		MinAge:    cfg.RotationMinAge,
		Cookies:   browser.Jar{Domain: cfg.CookieDomain},
		Trail:     boot.Trail(),
		Now:       time.Now,
	}))
}
