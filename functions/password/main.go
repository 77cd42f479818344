// Command password is the Lambda function of POST /password.
package main

import (
	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/functions/internal/boot/sealer"
	"github.com/wavepass/wavepass/functions/internal/boot/table"
	"github.com/wavepass/wavepass/pkg/endpoint/password"
)

func main() {
	e := boot.Read()
	e.Start(password.New(e.SettingsBehindAPI(), table.Open(e), sealer.Open(e)))
}
