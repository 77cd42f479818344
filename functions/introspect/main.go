// Command introspect is the Lambda function of POST /introspect.
package main

import (
	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/functions/internal/boot/sealer"
	"github.com/wavepass/wavepass/functions/internal/boot/table"
	"github.com/wavepass/wavepass/pkg/endpoint/introspect"
)

func main() {
	e := boot.Read()
	e.Start(introspect.New(e.SettingsBehindAPI(), table.Open(e), sealer.Open(e)))
}
