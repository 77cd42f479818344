// Command sessions is the Lambda function of GET /sessions, DELETE /sessions and DELETE /sessions/{id}.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/endpoint/sessions"
)

func main() {
	cfg := boot.Config()
	lambda.Start(sessions.New(boot.Gateway(cfg), sessions.Parts{
		Store:   boot.Table(cfg),
		Cookies: browser.Jar{Domain: cfg.CookieDomain},
		Trail:   boot.Trail(),
		Now:     time.Now,
	}))
}
