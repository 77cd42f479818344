// Command login is the Lambda function of POST /login.
package main

import (
	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/functions/internal/boot/sealer"
	"github.com/wavepass/wavepass/functions/internal/boot/table"
	"github.com/wavepass/wavepass/pkg/endpoint/login"
)

func main() {
	e := boot.Read()
	e.Start(login.New(e.SettingsBehindAPI(), table.Open(e), sealer.Open(e)))
}
