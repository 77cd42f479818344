// Command revoke is the Lambda function of POST /revoke and POST /logout.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/endpoint/revoke"
)

func main() {
	cfg := boot.Config()
	lambda.Start(revoke.New(boot.Gateway(cfg), revoke.Parts{
		Store:    boot.Table(cfg),
		Sealer:   boot.Sealer(cfg),
		KeyTimes: boot.KeyTimes(cfg),
		Cookies:  browser.Jar{Domain: cfg.CookieDomain},
		Trail:    boot.Trail(),
		Now:      time.Now,
	}))
}
