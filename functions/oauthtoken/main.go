// Command oauthtoken is the Lambda function of POST /token.
package main

import (
	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/functions/internal/boot/sealer"
	"github.com/wavepass/wavepass/functions/internal/boot/table"
	"github.com/wavepass/wavepass/pkg/endpoint/oauthtoken"
)

func main() {
	e := boot.Read()
	e.Start(oauthtoken.New(e.SettingsBehindAPI(), table.Open(e), sealer.Open(e)))
}
