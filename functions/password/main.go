// Command password is the Lambda function of POST /password.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/endpoint/password"
	"github.com/wavepass/wavepass/pkg/keyring"
)

func main() {
	cfg := boot.Config()
	lambda.Start(password.New(boot.Gateway(cfg), password.Parts{
		Store:     boot.Table(cfg),
		Sealer:    boot.Sealer(cfg),
		Algorithm: keyring.Algorithm(cfg.SigningAlg),
		KeyTimes:  boot.KeyTimes(cfg),
		Limits:    boot.Limits(cfg),
		Cookies:   browser.Jar{Domain: cfg.CookieDomain},
		Trail:     boot.Trail(),
		Now:       time.Now,
	}))
}
