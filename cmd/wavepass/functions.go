package main

import (
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/config"
	"github.com/wavepass/wavepass/pkg/endpoint/authorizer"
	"github.com/wavepass/wavepass/pkg/endpoint/discovery"
	"github.com/wavepass/wavepass/pkg/endpoint/login"
	"github.com/wavepass/wavepass/pkg/endpoint/password"
	"github.com/wavepass/wavepass/pkg/endpoint/refresh"
	"github.com/wavepass/wavepass/pkg/endpoint/revoke"
	"github.com/wavepass/wavepass/pkg/endpoint/rotatekeys"
	"github.com/wavepass/wavepass/pkg/endpoint/sessions"
	"github.com/wavepass/wavepass/pkg/endpoint/userinfo"
	"github.com/wavepass/wavepass/pkg/keyring"
)

// functions are the same endpoints that functions/ deploys, each by the name of its folder there.
func (d data) functions(cfg config.Config, log *slog.Logger, trail *audit.Trail) map[string]lambda.Handler {
	at := apigw.Config{Issuer: cfg.Issuer, Audience: cfg.Audience, Log: log}
	alg, times := keyring.Algorithm(cfg.SigningAlg), keyTimes(cfg)
	limits := account.Limits{Account: account.Limit(cfg.AttemptLimits.Account), Network: account.Limit(cfg.AttemptLimits.Network)}
	cookies := browser.Jar{Domain: cfg.CookieDomain}
	return map[string]lambda.Handler{
		"login": behindAPI(login.New(at, login.Parts{
			Store: d.store, Sealer: d.sealer, Algorithm: alg, KeyTimes: times, Limits: limits, Cookies: cookies, Trail: trail, Now: time.Now,
		})),
		"refresh": behindAPI(refresh.New(at, refresh.Parts{
			Store: d.store, Sealer: d.sealer, Algorithm: alg, KeyTimes: times, Grace: cfg.Grace, MinAge: cfg.RotationMinAge, Cookies: cookies, Trail: trail, Now: time.Now,
		})),
		"revoke": behindAPI(revoke.New(at, revoke.Parts{
			Store: d.store, Sealer: d.sealer, KeyTimes: times, Cookies: cookies, Trail: trail, Now: time.Now,
		})),
		"sessions": behindAPI(sessions.New(at, sessions.Parts{Store: d.store, Cookies: cookies, Trail: trail, Now: time.Now})),
		"password": behindAPI(password.New(at, password.Parts{
			Store: d.store, Sealer: d.sealer, Algorithm: alg, KeyTimes: times, Limits: limits, Cookies: cookies, Trail: trail, Now: time.Now,
		})),
		"authorizer": handler[events.APIGatewayV2CustomAuthorizerV2Request, events.APIGatewayV2CustomAuthorizerSimpleResponse](authorizer.New(at, authorizer.Parts{
			Store: d.store, Staleness: cfg.Staleness, KeyTimes: times, Now: time.Now,
		})),
		"userinfo":  behindAPI(userinfo.New(at)),
		"discovery": behindAPI(discovery.New(at, d.store, times, time.Now)),
	}
}

// rotateKeys is the function that the schedule calls.
func (d data) rotateKeys(cfg config.Config, log *slog.Logger, trail *audit.Trail) rotatekeys.Function {
	return rotatekeys.New(rotatekeys.Parts{
		Store: d.store, Sealer: d.sealer, Algorithm: keyring.Algorithm(cfg.SigningAlg), KeyTimes: keyTimes(cfg),
		Trail: trail, Log: log, Now: time.Now,
	})
}

// behindAPI is a function that the gateway calls with a request.
func behindAPI(f apigw.Function) lambda.Handler {
	return handler[events.APIGatewayV2HTTPRequest, events.APIGatewayV2HTTPResponse](f)
}
