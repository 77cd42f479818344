// Command revoke is the Lambda function of POST /revoke and POST /logout.
package main

import (
	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/functions/internal/boot/sealer"
	"github.com/wavepass/wavepass/functions/internal/boot/table"
	"github.com/wavepass/wavepass/pkg/endpoint/revoke"
)

func main() {
	e := boot.Read()
	e.Start(revoke.New(e.SettingsBehindAPI(), table.Open(e), sealer.Open(e)))
}
