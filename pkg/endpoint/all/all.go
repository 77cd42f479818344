// Package all makes every function of a deployment at once, as a laptop and tests need them. A deployed function imports its own
// endpoint only.
package all

import (
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/endpoint/accounts"
	"github.com/wavepass/wavepass/pkg/endpoint/authorizer"
	"github.com/wavepass/wavepass/pkg/endpoint/discovery"
	"github.com/wavepass/wavepass/pkg/endpoint/introspect"
	"github.com/wavepass/wavepass/pkg/endpoint/login"
	"github.com/wavepass/wavepass/pkg/endpoint/oauthtoken"
	"github.com/wavepass/wavepass/pkg/endpoint/password"
	"github.com/wavepass/wavepass/pkg/endpoint/refresh"
	"github.com/wavepass/wavepass/pkg/endpoint/revoke"
	"github.com/wavepass/wavepass/pkg/endpoint/rotatekeys"
	"github.com/wavepass/wavepass/pkg/endpoint/sessions"
	"github.com/wavepass/wavepass/pkg/endpoint/signin"
	"github.com/wavepass/wavepass/pkg/endpoint/subjects"
	"github.com/wavepass/wavepass/pkg/endpoint/ticket"
	"github.com/wavepass/wavepass/pkg/endpoint/userinfo"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/pages"
)

// Store is a whole table.
type Store interface {
	login.Store
	password.Store
	refresh.Store
	oauthtoken.Store
	introspect.Store
	revoke.Store
	sessions.Store
	subjects.Store
	authorizer.Store
	discovery.Store
	signin.Store
	ticket.Store
	accounts.Store
	userinfo.Store
	rotatekeys.Store
}

// Functions are those of a deployment.
type Functions struct {
	BehindAPI  map[string]apigw.Function // by the names of their folders in functions/
	Authorizer authorizer.Function
	RotateKeys rotatekeys.Function
}

// New makes every function anew, so that none has read a key yet. sealerOf is asked for the sealer of each function that opens
// keys, by the name of its folder: on AWS each has a role of its own.
// It panics when the pages cannot be drawn with s.Looks, which pages.Looks.Check tells before.
func New(s endpoint.Settings, store Store, sealerOf func(function string) keyring.Sealer) Functions {
	drawn, err := pages.New(pages.Looks(s.Looks))
	if err != nil {
		panic(err)
	}
	return Functions{
		BehindAPI: map[string]apigw.Function{
			"login":      login.New(s, store, sealerOf("login")),
			"password":   password.New(s, store, sealerOf("password")),
			"refresh":    refresh.New(s, store, sealerOf("refresh")),
			"oauthtoken": oauthtoken.New(s, store, sealerOf("oauthtoken")),
			"introspect": introspect.New(s, store, sealerOf("introspect")),
			"revoke":     revoke.New(s, store, sealerOf("revoke")),
			"signin":     signin.New(s, store, sealerOf("signin"), drawn),
			"sessions":   sessions.New(s, store),
			"subjects":   subjects.New(s, store, sealerOf("subjects")),
			"ticket":     ticket.New(s, store),
			"accounts":   accounts.New(s, store, sealerOf("accounts"), drawn),
			"discovery":  discovery.New(s, store),
			"userinfo":   userinfo.New(s, store),
		},
		Authorizer: authorizer.New(s, store),
		RotateKeys: rotatekeys.New(s, store, sealerOf("rotatekeys")),
	}
}
